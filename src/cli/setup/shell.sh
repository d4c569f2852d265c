# For bash and zsh: `git aitask` changes the folder of the shell, to the worktree after pick, worktree add and worktree path,
# and back to the main checkout where finish, drop or worktree remove took the folder away. Everything else that is typed
# after `git` goes to git as it is. The text of git aitask setup --shell; source it in ~/.bashrc or ~/.zshrc.
if [[ -n $(typeset -f git) && $(typeset -f git) != *GIT_AITASK_CD* ]]; then
    echo "git aitask: git is a function of your own, which stays; the folder of this shell is not changed" >&2
else
    _git_aitask_file=''
    function git {
        local word='' is_value=''
        # Options of git may stand before the verb, also from an alias.
        for word in "$@"; do
            if [[ -n $is_value ]]; then is_value=''; continue; fi
            case $word in
            -C | -c | --git-dir | --work-tree | --namespace | --config-env) is_value=1 ;;
            -*) ;;
            *) break ;;
            esac
        done
        if [[ $word != aitask ]]; then
            command git "$@"
            return
        fi
        # The folder is gone where another command has ended the task, and git does not start without one.
        if [[ ! -d $PWD && $PWD == */aiwork/* && -d ${PWD%/aiwork/*} ]]; then
            builtin cd -- "${PWD%/aiwork/*}" || return
            echo "git aitask: the folder is gone; this is ${PWD}" >&2
        fi
        local folder code
        # Ctrl-C ends this function before it has removed its file, and then the next call does.
        if [[ -n $_git_aitask_file ]]; then command rm -f -- "$_git_aitask_file"; fi
        _git_aitask_file=$(command mktemp) || { command git "$@"; return; }
        # Behind `||` zsh would make 1 of the code of what Ctrl-C ended.
        if GIT_AITASK_CD=$_git_aitask_file command git "$@"; then code=0; else code=$?; fi
        # It ends with a slash, so that no newline of the name is lost.
        folder=$(<"$_git_aitask_file")
        command rm -f -- "$_git_aitask_file"
        _git_aitask_file=''
        if [[ -n $folder ]]; then builtin cd -- "${folder%/}" || return; fi
        return $code
    }
fi
