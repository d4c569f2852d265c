# For fish: `git aitask` changes the folder of the shell, to the worktree after pick, worktree add and worktree path, and back
# to the main checkout where finish, drop or worktree remove took the folder away. Everything else that is typed after `git`
# goes to git as it is. The text of git aitask setup --shell fish; source it in ~/.config/fish/config.fish.
if functions --query git; and not functions git | string match --quiet '*GIT_AITASK_CD*'
    echo "git aitask: git is a function of your own, which stays; the folder of this shell is not changed" >&2
else
    set --global _git_aitask_file ''
    function git --description 'git, whose aitask changes the folder'
        set --local verb ''
        set --local is_value no
        # Options of git may stand before the verb, also from an abbreviation.
        for word in $argv
            if test $is_value = yes
                set is_value no
                continue
            end
            switch $word
                case -C -c --git-dir --work-tree --namespace --config-env
                    set is_value yes
                case '-*'
                case '*'
                    set verb $word
                    break
            end
        end
        if test "$verb" != aitask
            command git $argv
            return
        end
        # The folder is gone where another command has ended the task, and git does not start without one.
        if not test -d "$PWD"; and string match --quiet '*/aiwork/*' -- "$PWD"
            set --local main (string replace --regex '(?s)/aiwork/(?!.*/aiwork/).*$' '' -- "$PWD" | string collect)
            if test -d "$main"
                cd "$main"; or return
                echo "git aitask: the folder is gone; this is $PWD" >&2
            end
        end
        # Ctrl-C ends this function before it has removed its file, and then the next call does.
        test -n "$_git_aitask_file"; and command rm -f -- $_git_aitask_file
        set --global _git_aitask_file (command mktemp)
        or begin
            command git $argv
            return
        end
        set --local --export GIT_AITASK_CD $_git_aitask_file
        command git $argv
        set --local code $status
        # It ends with a slash, so that no newline of the name is lost.
        set --local folder (command cat $_git_aitask_file | string collect)
        command rm -f -- $_git_aitask_file
        set --global _git_aitask_file ''
        if test -n "$folder"
            cd "$folder"; or return
        end
        return $code
    end
end
