# Completion of `git aitask` (which git's own completion leaves to this file) and of `git-aitask`. Written by git aitask setup.
function __git_aitask_candidates
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    if test "$before[1]" = git
        set before $before[2..]
    end
    COMPLETE=fish git-aitask -- git-aitask $before[2..] (commandline --current-token) 2>/dev/null
end
complete --command git-aitask --no-files --arguments '(__git_aitask_candidates)'
complete --command git --condition '__fish_seen_subcommand_from aitask' --no-files --arguments '(__git_aitask_candidates)'
# File names come from the shell itself, which quotes them.
complete --command git-aitask --short-option F --require-parameter --force-files
complete --command git-aitask --short-option C --require-parameter --force-files
complete --command git --condition '__fish_seen_subcommand_from aitask' --short-option F --require-parameter --force-files
