package lab

import (
	"fmt"
	"strings"

	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/lines"
	"ekrona.example/host/durable"
	"ekrona.example/host/progress"
	"ekrona.example/host/shell"
)

// lookWords look into the card's memory.
func (w *words) lookWords() []shell.Word {
	return []shell.Word{
		{Name: "watch", Usage: "watch on|off",
			Help:     "note what each command changes in memory, and which line does",
			Complete: chooses("on", "off"), Run: w.on((*state).watchWord)},
		{Name: "changes", Usage: "changes",
			Help: "what the last command changed, old and new, by whom; after watch on",
			Run:  w.on((*state).changesWord)},
		{Name: "dump", Usage: "dump [ram|nvm] [PATTERN]",
			Help:     "all objects with their fields; * in a pattern is anything",
			Complete: w.knows((*state).dumped), Run: w.on((*state).dumpWord)},
		{Name: "left", Usage: "left", Help: "what is in RAM now that is not zero, and who wrote it",
			Run: w.on((*state).leftWord)},
		{Name: "symbols", Usage: "symbols FILE.lines",
			Help: "name what is in a CAP file without debug information", Complete: shell.Files,
			Run: w.on((*state).symbolsWord)},
	}
}

func (k *state) watchWord(arguments []string) (shell.Answer, error) {
	how, rest, err := choice(arguments, "on", "off")
	if err == nil {
		err = shell.Nothing(rest)
	}
	if err != nil {
		return shell.Answer{}, err
	}
	k.recorder = nil
	if how == "on" {
		k.recorder = inspect.NewRecorder(k.names)
		k.recorder.Attach(k.card.Machine())
		k.recorder.Begin()
	}
	k.changes, k.account = nil, inspect.Account{}
	return shell.OK, k.watch()
}

// changed is the answer of changes, for a program.
type changed struct {
	Changes []inspect.Change `json:"changes"`
	Account inspect.Account  `json:"account"`
}

func (k *state) changesWord(arguments []string) (shell.Answer, error) {
	if err := shell.Nothing(arguments); err != nil {
		return shell.Answer{}, err
	}
	if k.recorder == nil {
		return shell.Answer{},
			fmt.Errorf("nothing has been noted: say \"watch on\" before the command")
	}
	changes, account := k.recorder.End()
	if len(changes) == 0 && account.Writes == 0 && k.changes != nil {
		changes, account = k.changes, k.account // of the last command; no word has done more
	}
	text := &strings.Builder{}
	inspect.WriteChanges(text, changes)
	line := changesLine(changes, account)
	fmt.Fprintln(text, line)
	for _, t := range account.Thrown {
		fmt.Fprintf(text, "thrown: %s\n", t)
	}
	return shell.Answer{Line: line, Text: text.String(), Value: changed{changes, account}}, nil
}

func changesLine(changes []inspect.Change, a inspect.Account) string {
	line := fmt.Sprintf("%s, %s of %s, %d outside a transaction; %s",
		progress.Plural(len(changes), "change"), progress.Plural(a.Writes, "write"),
		progress.Plural(a.Bytes, "byte"), a.Outside,
		progress.Plural(a.Transactions, "transaction"))
	if a.Transactions > 0 {
		line += fmt.Sprintf(", at most %d bytes of the commit buffer", a.Fill)
		if a.Capacity > 0 {
			line += fmt.Sprintf(", which has %d", a.Capacity)
		}
	}
	return line
}

func (k *state) dumpWord(arguments []string) (shell.Answer, error) {
	part, pattern, where := inspect.Everything, "*", ""
	if len(arguments) > 0 {
		switch arguments[0] {
		case "ram":
			part, arguments, where = inspect.Transient, arguments[1:], " in RAM"
		case "nvm":
			part, arguments, where = inspect.Persistent, arguments[1:], " in NVM"
		}
	}
	switch len(arguments) {
	case 0:
	case 1:
		pattern = arguments[0]
	default:
		return shell.Answer{}, shell.Usage("one pattern at most")
	}
	shown, names := []inspect.Shown{}, []string{}
	for _, o := range inspect.Take(k.card.Machine(), k.names, part).Dump() {
		if inspect.Matches(pattern, o.Object) {
			shown = append(shown, o)
		}
		names = append(names, o.Object)
	}
	if len(shown) == 0 && pattern != "*" {
		return shell.Answer{}, nothingCalled(pattern, where, names, nil)
	}
	return shownAnswer(shown), nil
}

func (k *state) leftWord(arguments []string) (shell.Answer, error) {
	if err := shell.Nothing(arguments); err != nil {
		return shell.Answer{}, err
	}
	image := inspect.Take(k.card.Machine(), k.names, inspect.Transient)
	return shownAnswer(image.Left(k.recorder)), nil
}

// shownAnswer is objects as an answer.
func shownAnswer(shown []inspect.Shown) shell.Answer {
	text, names := &strings.Builder{}, []string{}
	inspect.WriteDump(text, shown)
	persistent, ram := 0, 0
	for _, o := range shown {
		names = append(names, strings.ReplaceAll(o.Object, " ", "_"))
		persistent, ram = persistent+o.Persistent, ram+o.RAM
	}
	line := fmt.Sprintf("%s, %d bytes persistent, %d transient",
		progress.Plural(len(shown), "object"), persistent, ram)
	fmt.Fprintln(text, line)
	return shell.Answer{Line: line + ": " + strings.Join(names, " "), Text: text.String(),
		Value: shown}
}

func (k *state) symbolsWord(arguments []string) (shell.Answer, error) {
	if len(arguments) != 1 {
		return shell.Answer{}, shell.Usage("the name of a file is missing")
	}
	text, err := durable.Read(arguments[0])
	if err != nil {
		return shell.Answer{}, err
	}
	t, err := lines.Parse(text)
	if err != nil {
		return shell.Answer{}, err
	}
	k.names.Add(t)
	return shell.Answer{Line: progress.Plural(len(t.Methods), "method")}, nil
}
