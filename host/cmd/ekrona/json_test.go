package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unansweredByDesign are commands without --json, each with its reason.
var unansweredByDesign = map[string]string{
	"ekrona card emulate":       "it works until it is stopped",
	"ekrona card new":           "it writes a file",
	"ekrona card profile":       "it writes a file",
	"ekrona lab debug":          "an editor speaks with it",
	"ekrona centralbank serve":  "it works until it is stopped",
	"ekrona intermediary serve": "it works until it is stopped",
	"ekrona network up":         "it works until it is stopped",
}

// unrunHere are commands with --json that this test cannot bring to an answer.
var unrunHere = map[string]string{
	"ekrona card readers": "PC/SC is another test's",
	"ekrona lab differ":   "it needs a JDK; its answer is tested in package lab",
	"ekrona card run":     "it reads standard input; its answers are those of the shell",
}

// answers are the command lines that are run in order, each with --json. "!" stands before
// those that answer and fail; in braces is what an answer before named.
const answers = `
demo
shell --script one.script
card decode one.jsonl
sandbox found box
wallet buy anna 100 --state box
wallet load anna 60 --state box
wallet pair anna --state box
wallet balance anna --state box
wallet sync anna --state box
wallet pay anna bertil 5 --state box
wallet ask bertil 3 --from anna --state box
wallet open bertil --state box
wallet pay anna --request {text} --state box
wallet accept bertil --payment {text} --state box
wallet take anna --receipt {text} --state box
wallet ask bertil 2 --state box
wallet refuse bertil {number} --state box
! wallet pay anna bertil 6 --torn pay --state box
wallet continue bertil --card anna --state box
wallet unload anna 5 --state box
wallet new-phone bertil --state box
wallet lost bertil --state box
wallet end bertil --now --state box
bank policy set --state box --bank SENORDIC --all --preset pilot --by eva
bank policy show --state box --bank SENORDIC
bank sweep --state box
bank renew-batches SENORDIC --state box
sandbox clock box --forward 1
! terminal sell cafe 4 --card anna --torn --state box
terminal new-key cafe --state box
terminal open cafe --state box
terminal take cafe {number} --card anna --state box
! terminal sell cafe 900 --card anna --state box
! terminal sell cafe 2 --card anna --torn --state box
terminal open cafe --state box
terminal refuse cafe {number} --state box
terminal sell cafe 10 --card anna --state box
wallet sync anna --state box
terminal sync cafe --state box
terminal refund cafe SENORDICC0000001/{atc} 1 --state box
terminal show cafe --state box
bank group --state box --bank SENORDIC --card SENORDICC0000001 --group 2
bank unpair --state box --bank SENORDIC --card SENORDICC0000001
crisis draft --days 7 --out draft --state box --limits balance=8000,spent=20000 --limits group=2,name=SENORDIC,balance=9000
crisis sign draft --key box/crisis-key/crisis --out signed
crisis countersign signed --by eva --out order --state box
terminal crisis cafe --take order --out again --state box
wallet crisis anna --take again --out third --state box
wallet sync anna --state box
wallet crisis anna --state box
crisis end --days 3 --out ends --state box
crisis show --state box
centralbank fund-pool 100 --order first --state box
centralbank totals --state box
centralbank reconcile --state box
centralbank archive box/central-bank --before 2020-01-01 --dry-run
centralbank audit box/central-bank
centralbank backup box/central-bank --out central.db
intermediary backup box/nordic-bank --out nordic.db
intermediary restore box/nordic-bank --from nordic.db
terminal issue kiosk --bank SENORDIC --state box
terminal replace kiosk --state box
terminal end kiosk --state box
books --state box
card renew anna --state box
card memory
card balance anna --state box
card info --card box/cards/anna.card
card info anna --state box
card log anna --state box
card pin anna --state box --pin-file old.pin --new-pin-file new.pin
card cost
issue key master.key
issue check --card blank.card --ask
issue content --keys test --card blank.card
issue card --dry-run --state box --bank SENORDIC --owner dora --keys test --card blank.card
issue card --state box --bank SENORDIC --owner dora --keys test --card blank.card --letter dora.txt --new-keys master.key --replace-keys --secure
! issue check --card blank.card
issue lock --new-keys master.key --card blank.card
issue unlock --new-keys master.key --card blank.card
issue delete --delete-applet --active --new-keys master.key --card blank.card
issue delete --delete-applet --new-keys master.key --card blank.card
issue batch spring.yaml --check
issue batch spring.yaml --check --enrol --state box
! issue batch spring.yaml --enrol --state box --card 1.card
issue batch spring.yaml --state box --card 2.card
issue report spring.job
issue log spring.job --state box --bank SENORDIC
card cost --cap purse.cap --script purse.txt
lab tear --cap purse.cap --script purse.txt --rules purse.rules
! lab tear --cap purse.cap --script purse.txt
! lab fuzz --cap purse.cap --script purse.txt --runs 3000 --workers 1 --cuts
lab cover --cap purse.cap --script purse.txt --lcov cover.lcov --html cover.html --folded cover.txt --flame cover.svg
lab simulate --steps 20 --length 20 --workers 1
lab simulate --story --length 5
lab week --cards 6 --terminals 2 --days 2 --limits crisis
lab liquidity --sets 1 --cards 6 --terminals 1 --days 1
lab glitch --case debits --models invert --sample 20 --html page.html --list found.txt
lab glitch --fault read=00@pin.script/1#0 --script pin.script
! lab trace-diff --script verify.script --secret 242580FFFFFFFFFF --secret 252580FFFFFFFFFF
lab attack --attack select
lab conform --no-suite --cap purse.cap
lab suite --keys test --card test.card --delete-applet --case select
sandbox rollover box
pki root cb/root --holder SERIKSBK00001 --no-passphrase
pki make n/ca --role intermediary --holder SENORDIC00001 --by cb/root --no-passphrase
pki request n/desk --role desk --holder SENORDICDESK0001 --authority SENORDIC00001 --no-passphrase
! pki check n
pki certify n/desk.req --by n/ca --out desk.cvc
pki import n/desk desk.cvc
pki show desk.cvc
pki check n
pki revoke --by cb/root
pki trust other/root cb/root.cvc --anchor {anchor}
pki root cb/root2 --holder SERIKSBK00002 --no-passphrase
pki rollover cb/root cb/root2 --out rollover
pki follow n rollover
`

// Every command that answers has --json and keeps the convention of package cli.
func TestAnswersAsJSONAreOfOneKind(t *testing.T) {
	probe := map[string]string{}
	for _, name := range []string{"purse.cap", "purse.cap.lines"} {
		content, err := os.ReadFile(filepath.Join("../../../emulator/testdata/probe", name))
		require.NoError(t, err)
		probe[name] = string(content)
	}
	t.Chdir(t.TempDir())
	for name, content := range probe {
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
	require.NoError(t, blankCard("blank.card"))
	for name, content := range map[string]string{
		"one.script":    "secure test\n",
		"one.jsonl":     `{"command":"00A4040000","response":"6F028400A5009000"}`,
		"verify.script": "VERIFY plaintext data={secret}\n",
		"pin.script":    "GET DATA balance -> 6982\n",
		"purse.txt":     "00A4040007F050524F42080100 -> 9000\n80100000020064 -> 9000\n",
		"purse.rules":   "ignore PurseApplet.credited\n",
		"new.pin":       "2468\n",
		"spring.yaml": "job: spring\nbank: SENORDIC\nkeys: {initial: test, final: master.key}\n" +
			"letters: {recipients: " +
			"[age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}\n" +
			"cards: [{owner: eva}, {owner: fia}]\n",
	} {
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
	unseen := map[string]bool{}
	walk(program{}.command(), func(c *cobra.Command) {
		hasJSON := c.Flags().Lookup("json") != nil
		_, exempt := unansweredByDesign[c.CommandPath()]
		assert.NotEqual(t, exempt, hasJSON, "%s: --json", c.CommandPath())
		if _, unrun := unrunHere[c.CommandPath()]; hasJSON && !unrun {
			unseen[c.CommandPath()] = true
		}
	})
	known := map[string]string{} // what an answer named last, which is drawn by chance
	for line := range strings.Lines(strings.TrimSpace(answers)) {
		for name, value := range known {
			line = strings.ReplaceAll(line, "{"+name+"}", value)
		}
		words := strings.Fields(line)
		mark := ""
		if words[0] == "!" {
			mark, words = words[0], words[1:]
		}
		if slices.Contains(words, "old.pin") {
			writePIN(t, "box/letters/anna.json", "old.pin")
		}
		root := program{}.command()
		var out, other bytes.Buffer
		root.SetOut(&out)
		root.SetErr(&other)
		root.SetArgs(append(words, "--json"))
		ran, err := root.ExecuteContextC(t.Context())
		if mark == "" {
			require.NoError(t, err, "%s%s", line, other.String())
		} else {
			require.Error(t, err, line)
		}
		delete(unseen, ran.CommandPath())
		checkAnswer(t, strings.TrimSpace(line), out.Bytes())
		for _, found := range named.FindAllStringSubmatch(out.String(), -1) {
			known[found[1]] = found[2]
		}
	}
	assert.Empty(t, unseen, "commands with --json that no line above runs")
}

var named = regexp.MustCompile(`"(anchor|number|atc|text)": "?([0-9a-f]+|EKRONA:[0-9A-Z:]+)`)

// walk visits the commands that do something.
func walk(c *cobra.Command, visit func(*cobra.Command)) {
	for _, below := range c.Commands() {
		if below.Name() != "help" && below.Name() != "completion" {
			walk(below, visit)
		}
	}
	if !c.HasSubCommands() {
		visit(c)
	}
}

// writePIN writes the PIN of a letter of the sandbox into a file.
func writePIN(t *testing.T, letter, path string) {
	t.Helper()
	content, err := os.ReadFile(filepath.FromSlash(letter))
	require.NoError(t, err)
	var digits struct {
		PIN string `json:"pin"`
	}
	require.NoError(t, json.Unmarshal(content, &digits))
	require.NoError(t, os.WriteFile(path, []byte(digits.PIN+"\n"), 0o600))
}

var (
	keyPattern    = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	amountPattern = regexp.MustCompile(`(^|_)(amount|balance|online|shadow|offline|credited)$`)
)

// checkAnswer checks one answer: one value, of named fields.
func checkAnswer(t *testing.T, line string, out []byte) {
	t.Helper()
	var value any
	if err := json.Unmarshal(out, &value); err != nil {
		assert.NoError(t, err, "%s: %.300s", line, out)
		return
	}
	switch value.(type) {
	case map[string]any, []any:
	default:
		assert.Fail(t, "neither an object nor an array", "%s: %.300s", line, out)
	}
	checkKeys(t, line, value)
}

func checkKeys(t *testing.T, where string, value any) {
	t.Helper()
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			checkKeys(t, where, one)
		}
	case map[string]any:
		for key, one := range v {
			assert.Regexp(t, keyPattern, key, where)
			if key == "settlement" || key == "others" {
				continue // accounts as the notary's own messages have them
			}
			if _, isNumber := one.(float64); isNumber {
				assert.NotRegexp(t, amountPattern, key, where)
			}
			checkKeys(t, where+" "+key, one)
		}
	}
}
