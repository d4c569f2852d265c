# Completion of `git aitask` (git's own completion calls _git_aitask) and of `git-aitask`. Written by git aitask setup.
_git_aitask() {
    local IFS=$'\n' at=${__git_cmd_idx:-1} word
    COMPREPLY=()
    for word in $(COMPLETE=fish git-aitask -- git-aitask "${words[@]:at+1:cword-at-1}" "$cur" 2>/dev/null | cut -f1); do
        [[ $word == *[=/] ]] || word+=' '
        COMPREPLY+=("$word")
    done
}
_git_aitask_alone() {
    local words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} __git_cmd_idx=0
    _git_aitask
}
complete -o nospace -F _git_aitask_alone git-aitask
