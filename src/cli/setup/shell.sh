# For bash and zsh: `git aitask` changes the folder of the shell, to the worktree after pick, worktree add and worktree path,
# and back to the main checkout where finish, drop or worktree remove took the folder away. Everything else that is typed
# after `git` goes to git as it is. The text of git aitask setup --shell; source it in ~/.bashrc or ~/.zshrc.
if [[ -n $(typeset -f git) && $(typeset -f git) != *GIT_AITASK_CD* ]]; then
    echo "git aitask: git is a function of your own, which stays; the folder of this shell is not changed" >&2
else
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
        local file folder code=0
        file=$(command mktemp) || { command git "$@"; return; }
        GIT_AITASK_CD=$file command git "$@" || code=$?
        # It ends with a slash, so that no newline of the name is lost.
        folder=$(<"$file")
        command rm -f -- "$file"
        if [[ -n $folder ]]; then builtin cd -- "${folder%/}" || return; fi
        return $code
    }
fi
