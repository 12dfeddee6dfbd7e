#compdef outpost
# zsh completion of outpost; made by: outpost completion zsh
_outpost() {
	local -a lines described
	lines=("${(@f)$("${words[1]}" completion words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	case ${lines[1]} in
	:files) _files ;;
	:dirs) _files -/ ;;
	'') return 1 ;;
	*)
		local line
		for line in "${lines[@]}"; do
			described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
		done
		_describe outpost described
		;;
	esac
}
if [ "${funcstack[1]-}" = _outpost ]; then
	_outpost "$@"
else
	compdef _outpost outpost
fi
