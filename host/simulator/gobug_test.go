package simulator

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the root folder of the module.
const root = "../.."

// bugVariable names the bug that is switched on in a program built with bugs.
const bugVariable = "EKRONA_LAB_BUG"

// replacement puts a bug into a source file while it is built: the sources stay unchanged. In the
// new text "bug" is the name of the bug that is switched on.
type replacement struct{ file, old, new string }

// goBugs are changes of the program, one at a time. Each has a kept world, in which it is found,
// and the number of steps that it took to find it from seed 1 on, with one worker and worlds of 250
// steps.
var goBugs = []struct {
	name  string
	texts []replacement
	steps int
}{
	{"vm-transaction-not-undone", []replacement{
		{"emulator/vm/nvm.go", "i >= 0; i-- {\n		e :=",
			"i >= 0 && bug != `vm-transaction-not-undone`; i-- {\n		e :="},
		{"emulator/vm/nvm.go",
			"			v.journalBytes(r, o, off, len(data))\n		}\n		v.write(len(data))",
			"			v.journalBytes(r, o, off, len(data))\n		}\n		if v.cutIn == 1 && " +
				"bug == `vm-transaction-not-undone` {\n			copy(o.bytes[off:], " +
				"data[:len(data)/8])\n		}\n		v.write(len(data))"},
	}, 512},
	{"vm-pin-try-undone", []replacement{
		{"emulator/api/ownerpin.go", "	setTries(c, tries-1)\n", "	setTries(c, tries-1)\n	if " +
			"bug == `vm-pin-try-undone` {\n		defer setTries(c, tries)\n	}\n"},
	}, 47},
	{"settlement-unsigned", []replacement{
		{"host/settlement/submit.go", "message.VerifyBody(m, body, key) == nil",
			"(bug == `settlement-unsigned` || message.VerifyBody(m, body, key) == nil)"},
	}, 250},
	{"settlement-reserves-what-is-not-there", []replacement{
		{"host/settlement/queue.go", "		if available < p.amount {",
			"		if available < p.amount && bug != `settlement-reserves-what-is-not-there` {"},
	}, 2483},
	{"settlement-void-counts-as-settled", []replacement{
		{"host/settlement/queue.go", "		verdict := notary.Settled\n		if p.refused() {",
			"		verdict := notary.Settled\n		if p.refused() && bug != " +
				"`settlement-void-counts-as-settled` {"},
	}, 46},
	{"settlement-counts-credits-that-nobody-confirmed", []replacement{
		{"host/settlement/txn.go", "	if d.status != notary.Ended {\n		unconfirmed",
			"	if d.status != notary.Ended && bug != " +
				"`settlement-counts-credits-that-nobody-confirmed` {\n		unconfirmed"},
	}, 764},
	{"settlement-forgets-requests", []replacement{
		{"host/settlement/state.go", "	case d.role.CanPay() && int64(s.RequestCounter)",
			"	case d.role.CanPay() && bug != `settlement-forgets-requests` && " +
				"int64(s.RequestCounter)"},
	}, 3250},
	{"settlement-overlooks-a-second-request", []replacement{
		{"host/settlement/requests.go", "	if other == nil {",
			"	if other == nil || bug == `settlement-overlooks-a-second-request` {"},
	}, 48500},
	{"terminal-takes-what-nobody-signed", []replacement{
		{"host/terminal/take.go", "	if err := message.Verify(paid, payer.PublicKey); err != nil {",
			"	if err := message.Verify(paid, payer.PublicKey); err != nil && bug != " +
				"`terminal-takes-what-nobody-signed` {"},
	}, 9},
	{"terminal-thanks-before-storing", []replacement{
		{"host/terminal/take.go", "	return t.envelope(receipt), err\n}\n\n// check verifies",
			"	if bug == `terminal-thanks-before-storing` && receipt != nil {\n		err = " +
				"nil\n	}\n	return t.envelope(receipt), err\n}\n\n// check verifies"},
	}, 4475},
	{"terminal-sells-though-set-back", []replacement{
		{"host/terminal/limits.go",
			"	case now.rolledBack:\n		return ErrRolledBack\n	case now.lifeCycle",
			"	case now.rolledBack && bug != `terminal-sells-though-set-back`:\n		return " +
				"ErrRolledBack\n	case now.lifeCycle"},
	}, 29969},
	{"terminal-miscounts-what-it-took", []replacement{
		{"host/terminal/journal.go", "	if accepted {",
			"	if accepted && bug != `terminal-miscounts-what-it-took` {"},
	}, 22},
	{"intermediary-obeys-a-former-phone", []replacement{
		{"host/intermediary/load.go", "	return d, o.Verify(owner.App)", "	if bug == " +
			"`intermediary-obeys-a-former-phone` {\n		return d, nil\n	}\n	return d, " +
			"o.Verify(owner.App)"},
	}, 5151},
	{"phone-overlooks-open-requests", []replacement{
		{"host/wallet/synchronise.go", "	if !unknown {",
			"	if !unknown || bug == `phone-overlooks-open-requests` {"},
	}, 1000},
	{"phone-takes-what-answers-another-question", []replacement{
		{"host/wallet/verify.go", "	return err == nil && refusal.Request == request\n",
			"	return err == nil && (refusal.Request == request || bug == " +
				"`phone-takes-what-answers-another-question`)\n"},
	}, 2852},
	{"phone-believes-a-renewal", []replacement{
		{"host/wallet/renew.go", "	case bytes.Equal(stored, certificate):",
			"	case bytes.Equal(stored, certificate), bug == `phone-believes-a-renewal`:"},
	}, 2391},
	{"terminal-counts-by-an-order-that-is-over", []replacement{
		{"host/crisis/crisis.go", "h.Order != nil && h.Order.CountsOn(day)", "h.Order != nil && " +
			"(bug == `terminal-counts-by-an-order-that-is-over` || h.Order.CountsOn(day))"},
	}, 187},
	{"device-keeps-an-order-that-was-ended", []replacement{
		{"host/crisis/crisis.go", "	if h.Order != nil && h.Order.Number < lowest {",
			"	if h.Order != nil && h.Order.Number < lowest && bug != " +
				"`device-keeps-an-order-that-was-ended` {"},
	}, 200},
	{"device-takes-an-order-that-nobody-signed", []replacement{
		{"host/crisis/crisis.go", "	if err := message.Verify(order, crisisKey.PublicKey, " +
			"notary.PublicKey); err != nil {", "	if err := message.Verify(order, " +
			"crisisKey.PublicKey, notary.PublicKey); err != nil && bug != " +
			"`device-takes-an-order-that-nobody-signed` {"},
	}, 16826},
	{"intermediary-skips-entries", []replacement{
		{"host/intermediary/statement.go", "entries[len(entries)-1].Seq)",
			"entries[len(entries)-1].Seq+skipped(len(entries)))"},
		{"host/intermediary/statement.go", "// statementPage is",
			"func skipped(page int) int64 {\n" +
				"	if page > 2 && bug == `intermediary-skips-entries` {\n		return 1\n	}\n" +
				"	return 0\n}\n\n// statementPage is"},
	}, 250},
	{"intermediary-keeps-refused-loads", []replacement{
		{"host/intermediary/load.go", "		_, err = ledger.Reverse(", "		if bug == " +
			"`intermediary-keeps-refused-loads` {\n			return nil\n		}\n		_, err = " +
			"ledger.Reverse("},
	}, 250},
}

// buildWithBugs builds the program with every bug in it, none switched on.
func buildWithBugs(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	absolute, err := filepath.Abs(root)
	require.NoError(t, err)
	texts, overlay := map[string]string{}, map[string]string{}
	for _, bug := range goBugs {
		for _, r := range bug.texts {
			if _, read := texts[r.file]; !read {
				source, err := os.ReadFile(filepath.Join(root, r.file))
				require.NoError(t, err)
				texts[r.file] = string(source)
			}
			require.Equal(t, 1, strings.Count(texts[r.file], r.old),
				"%s: the text to be replaced is not there once", bug.name)
			texts[r.file] = strings.Replace(texts[r.file], r.old, r.new, 1)
			texts[path.Join(path.Dir(r.file), "lab_bug.go")] = "package " +
				path.Base(path.Dir(r.file)) +
				"\n\nimport \"os\"\n\nvar bug = os.Getenv(\"" + bugVariable + "\")\n"
		}
	}
	for file, text := range texts {
		replaced := filepath.Join(folder, strings.ReplaceAll(file, "/", "_"))
		require.NoError(t, os.WriteFile(replaced, []byte(text), 0o600))
		overlay[filepath.Join(absolute, file)] = replaced
	}
	content, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	list := filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(list, content, 0o600))
	program := filepath.Join(folder, "ekrona")
	build := exec.Command("go", "build", "-overlay", list, "-o", program, "./host/cmd/ekrona")
	build.Dir = root
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return program
}

// exitViolated is the program's exit code when an invariant does not hold.
const exitViolated = 3

// TestBugsOfTheProgramAreFound plays the kept world of each bug with the bug; TestKeptWorldsHold
// plays it without. EKRONA_LAB_SEARCH=1 searches for each of them from seed 1 on, and keeps the
// world that finds it.
func TestBugsOfTheProgramAreFound(t *testing.T) {
	program := buildWithBugs(t)
	run := func(bug string, arguments ...string) (code int, output string) {
		c := exec.Command(program, append([]string{"lab", "simulate"}, arguments...)...)
		c.Env = append(os.Environ(), bugVariable+"="+bug)
		out, _ := c.CombinedOutput()
		return c.ProcessState.ExitCode(), string(out)
	}
	for _, bug := range goBugs {
		t.Run(bug.name, func(t *testing.T) {
			t.Parallel()
			kept := filepath.Join("testdata/kept", bug.name+".json")
			if os.Getenv("EKRONA_LAB_SEARCH") != "" {
				code, output := run(bug.name, "--seed=1", "--workers=1", "--length=250",
					"--steps=100000", "--keep="+kept)
				assert.Equal(t, exitViolated, code, "%s", output)
				t.Log(output)
				return
			}
			code, output := run(bug.name, "--replay="+kept)
			assert.Equal(t, exitViolated, code, "%s", output)
			t.Logf("seed 1 and those after it find it within %d steps", bug.steps)
		})
	}
}
