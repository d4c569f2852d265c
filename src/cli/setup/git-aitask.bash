# Completion of `git aitask` (git's own completion calls _git_aitask) and of `git-aitask`. Written by git aitask setup.
_git_aitask() {
    local at=${__git_cmd_idx:-1} word title
    local -a listed=()
    COMPREPLY=()
    while IFS= read -r word; do
        title=${word#*$'\t'}
        [[ $title == "$word" ]] && title=
        word=${word%%$'\t'*}
        # What is inserted here is not quoted. File names come from the shell itself, which quotes them.
        [[ -z $word || $word == *[!A-Za-z0-9_.,:=/@%+-]* ]] && continue
        title=$word${title:+ -- $title}
        listed+=("${title:0:COLUMNS > 20 ? COLUMNS - 2 : 78}")
        [[ $word == *[=/] ]] || word+=' '
        COMPREPLY+=("$word")
    done < <(COMPLETE=fish git-aitask -- git-aitask "${words[@]:at+1:cword-at-1}" "$cur" 2>/dev/null)
    # Where bash only lists what there is, it is shown with titles. The only one would be inserted.
    if [[ ${COMP_TYPE-} == 63 && ${#COMPREPLY[@]} -gt 1 ]]; then COMPREPLY=("${listed[@]}"); fi
}
_git_aitask_alone() {
    local words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} __git_cmd_idx=0
    _git_aitask
}
complete -o default -o nospace -F _git_aitask_alone git-aitask
