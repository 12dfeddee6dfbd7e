# fish completion of outpost; made by: outpost completion fish
function __outpost_complete
    set -l tokens (commandline -opc) (commandline -ct)
    set -l lines ($tokens[1] completion words $tokens[2..] 2>/dev/null)
    switch "$lines[1]"
        case :files
            __fish_complete_path (commandline -ct)
        case :dirs
            __fish_complete_directories (commandline -ct)
        case '*'
            printf '%s\n' $lines
    end
end
complete -c outpost -f -a '(__outpost_complete)'
