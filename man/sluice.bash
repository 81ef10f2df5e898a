# Completion of sluice(1) for bash. Commands, options and arguments are what the program's own --help
# says, so that nothing is listed here a second time.

# The help of one command without its option's letters: "--name VALUE  what it is", each a line.
_sluice_help()
{
	"$@" --help 2>/dev/null | sed -n 's/^ *\(-., \)\{0,1\}\(--[a-z0-9-]*.*\)/\2/p'
}

# What may stand behind an option.
_sluice_value()
{
	local word=$1 value=$2

	case $value in
	FILE)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		;;
	HOW) mapfile -t COMPREPLY < <(compgen -W 'auto epsv pasv active default' -- "$word") ;;
	TYPE) mapfile -t COMPREPLY < <(compgen -W 'A A:T A:C E E:T E:C I L8 L32' -- "$word") ;;
	*'|'*) mapfile -t COMPREPLY < <(compgen -W "${value//|/ }" -- "$word") ;;
	esac
}

# What may stand where no option stands: a URL, whose beginning is known, or a name here.
_sluice_argument()
{
	local word=$1 usage=$2

	case $usage in
	*FILE*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	*FOLDER*) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	esac
	if [[ ftp:// == "$word"* && (-n $word || ${#COMPREPLY[@]} == 0) ]]; then
		compopt -o nospace
		COMPREPLY+=(ftp://)
	else
		compopt -o filenames
	fi
}

_sluice()
{
	local program=${COMP_WORDS[0]/#\~/$HOME} word=${COMP_WORDS[COMP_CWORD]}
	local before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} help value

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		help=$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$help --help --version" -- "$word")
		return
	fi

	# "--data=a" comes as three words.
	[[ $word != = ]] || word=
	[[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}
	if [[ $before == -? ]]; then
		before=$("$program" "$command" --help 2>/dev/null | sed -n "s/^ *$before, \(--[a-z0-9-]*\).*/\1/p")
	fi
	help=$(_sluice_help "$program" "$command")
	value=$(sed -n "s/^$before \([A-Z][A-Z]*\|[A-Za-z]*|[A-Za-z|]*\) .*/\1/p" <<<"$help")
	if [[ $before == --* && -n $value ]]; then
		_sluice_value "$word" "$value"
	elif [[ $word == -* ]]; then
		help=$(cut -d ' ' -f 1 <<<"$help")
		mapfile -t COMPREPLY < <(compgen -W "$help --help" -- "$word")
	else
		_sluice_argument "$word" "$("$program" "$command" --help 2>/dev/null | head -n 1)"
	fi
}

complete -F _sluice sluice
