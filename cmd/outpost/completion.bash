# bash completion of outpost; made by: outpost completion bash
_outpost() {
	local word words=()
	while IFS= read -r word; do
		words+=("${word%%$'\t'*}")
	done < <("${COMP_WORDS[0]}" completion words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	case ${words[0]-} in
	:files)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
		;;
	:dirs)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "${COMP_WORDS[COMP_CWORD]}")
		;;
	*) COMPREPLY=("${words[@]}") ;;
	esac
}
complete -F _outpost outpost
