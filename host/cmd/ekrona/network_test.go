package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/network"
	"ekrona.example/host/sandbox"
	"ekrona.example/personalization/batch/batchtest"
)

// node is a service in a process of its own.
type node struct {
	arguments []string // but the address
	address   string   // HOST:PORT; the same at every start
	url       string

	process *exec.Cmd
	said    *bytes.Buffer
	steps   string // file
}

// nodes are the processes of a network, and the commands of its phones and terminals.
type nodes struct {
	t      *testing.T
	folder string
	all    map[string]*node
	killed int // processes
}

// command is the program with arguments, killed at a step of its parties, 0 for none.
func command(t *testing.T, at int, arguments ...string) (c *exec.Cmd, steps string) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	steps = filepath.Join(t.TempDir(), "steps")
	c = exec.CommandContext(context.WithoutCancel(t.Context()), program, arguments...)
	c.Env = append(os.Environ(), killAt+"="+strconv.Itoa(at), countSteps+"="+steps,
		killParties+"=yes")
	return c, steps
}

// start starts a node and waits until it answers.
func (n *nodes) start(name string, at int) {
	n.t.Helper()
	s := n.all[name]
	s.process, s.steps = command(n.t, at, append(s.arguments, "--listen", s.address)...)
	s.said = &bytes.Buffer{}
	s.process.Stderr = s.said
	out, err := s.process.StdoutPipe()
	require.NoError(n.t, err)
	require.NoError(n.t, s.process.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil && at != 0 { // killed at its start
		require.Error(n.t, s.process.Wait())
		n.killed++
		n.start(name, 0)
		return
	}
	require.NoError(n.t, err, "%s: %s", name, s.said)
	s.url = strings.TrimSpace(line)
	s.address = strings.TrimPrefix(s.url, "https://")
	go func() { _, _ = io.Copy(io.Discard, out) }()
}

// isDead reports whether a node was killed, without waiting.
func (s *node) isDead() bool {
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(s.process.Process.Pid, &status, syscall.WNOHANG, nil)
	return err != nil || pid == s.process.Process.Pid
}

// restart starts the nodes again that are dead.
func (n *nodes) restart() {
	n.t.Helper()
	for name, s := range n.all {
		if s.isDead() {
			n.killed++
			n.start(name, 0)
		}
	}
}

// stop ends every node gracefully and returns the steps that each has made since its start.
func (n *nodes) stop() map[string]int {
	n.t.Helper()
	made := map[string]int{}
	for _, name := range []string{"nordic", "fjord", "central"} {
		s := n.all[name]
		require.NoError(n.t, s.process.Process.Signal(os.Interrupt))
		require.NoError(n.t, s.process.Wait(), "%s: %s", name, s.said)
		text, err := os.ReadFile(s.steps)
		require.NoError(n.t, err)
		made[name], err = strconv.Atoi(string(text))
		require.NoError(n.t, err)
	}
	return made
}

// newNodes starts a central bank and two banks in processes of their own; the victim is killed at a
// step.
func newNodes(t *testing.T, founded, victim string, at int) *nodes {
	t.Helper()
	n := &nodes{t: t, folder: filepath.Join(t.TempDir(), "box"), all: map[string]*node{}}
	batchtest.Bureau{Folder: founded}.Copy(t, n.folder)
	const anyPort = "127.0.0.1:0"
	n.all["central"] = &node{address: anyPort, arguments: []string{"centralbank", "serve",
		filepath.Join(n.folder, "central-bank")}}
	t.Cleanup(func() {
		for _, s := range n.all {
			if s.process != nil && s.process.ProcessState == nil {
				_ = s.process.Process.Kill()
				_ = s.process.Wait()
			}
		}
	})
	start := func(name string) {
		if name != victim {
			at = 0
		}
		n.start(name, at)
	}
	wanted := at
	start("central")
	for name, folder := range map[string]string{"nordic": "nordic-bank", "fjord": "fjord-bank"} {
		at = wanted
		n.all[name] = &node{address: anyPort, arguments: []string{"intermediary", "serve",
			filepath.Join(n.folder, folder), "--central-bank", n.all["central"].url}}
		start(name)
	}
	return n
}

// run gives a command of a phone or a terminal, which may be killed, and returns its answer.
func (n *nodes) run(at int, line string) (answer []byte, steps int, err error) {
	n.t.Helper()
	c, count := command(n.t, at, append(strings.Fields(line), "--state", n.folder, "--bank",
		"SENORDIC="+n.all["nordic"].url, "--bank", "SEFJORDB="+n.all["fjord"].url, "--json")...)
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			n.killed++
		}
		return nil, 0, fmt.Errorf("%s: %w: %s", line, err, said.String())
	}
	text, err := os.ReadFile(count)
	require.NoError(n.t, err)
	steps, err = strconv.Atoi(string(text))
	require.NoError(n.t, err)
	return out.Bytes(), steps, nil
}

const mostTries = 4

// untilDone gives a command again until it is done; nodes that were killed are started again.
// again, if not empty, returns the command for the next try, empty when it is done.
func (n *nodes) untilDone(at int, line string, again func() string) (steps int) {
	n.t.Helper()
	var err error
	for range mostTries {
		_, steps, err = n.run(at, line)
		if err == nil {
			return steps
		}
		at = 0
		n.restart()
		if again != nil {
			if line = again(); line == "" {
				return steps
			}
		}
	}
	require.NoError(n.t, err, "it is not done after %d tries", mostTries)
	return steps
}

// field reads a number of an answer.
func field(t *testing.T, answer []byte, name string) int {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal(answer, &fields))
	number, ok := fields[name].(float64)
	require.True(t, ok, "%s: %s", name, answer)
	return int(number)
}

// flow is a load, a payment, a synchronisation of each side, and an unload. The client's command
// of a name is killed at a step.
func (n *nodes) flow(victim string, at int) (steps map[string]int) {
	n.t.Helper()
	steps = map[string]int{}
	do := func(name, line string, again func() string) {
		n.t.Helper()
		kill := 0
		if name == victim {
			kill = at
		}
		steps[name] = n.untilDone(kill, line, again)
	}
	do("load", "wallet load anna 50", nil)
	do("sell", "terminal sell cafe 10 --card anna", func() string {
		open, _, err := n.run(0, "terminal open cafe")
		require.NoError(n.t, err)
		var sales []struct {
			Number int `json:"number"`
		}
		require.NoError(n.t, json.Unmarshal(open, &sales))
		if len(sales) > 0 {
			return fmt.Sprintf("terminal take cafe %d --card anna", sales[0].Number)
		}
		balance, _, err := n.run(0, "wallet balance anna")
		require.NoError(n.t, err)
		if field(n.t, balance, "offline_ore") == 40_00 {
			return "" // it is paid
		}
		return "terminal sell cafe 10 --card anna"
	})
	do("sync terminal", "terminal sync cafe", nil)
	do("sync card", "wallet sync anna", nil)
	do("unload", "wallet unload anna 5", nil)
	n.restart()
	for range 2 {
		n.untilDone(0, "terminal sync cafe", nil)
		n.untilDone(0, "wallet sync anna", nil)
	}
	balance, _, err := n.run(0, "wallet balance anna")
	require.NoError(n.t, err)
	require.Equal(n.t, 955_00, field(n.t, balance, "online_ore"), "one load, one unload")
	require.Equal(n.t, 35_00, field(n.t, balance, "shadow_ore"))
	require.Equal(n.t, 35_00, field(n.t, balance, "offline_ore"))
	return steps
}

// requireBooks requires that every invariant holds in a folder whose parties have ended, and that
// all wallets agree.
func requireBooks(t *testing.T, folder string) {
	t.Helper()
	s, err := sandbox.Open(folder, sandbox.Options{})
	require.NoError(t, err)
	books, err := s.Books(t.Context(), true)
	require.NoError(t, err)
	require.Empty(t, books.Violations)
	require.NoError(t, s.Close())
}

// TestEveryProcessIsKilledAndGoesOn: central bank, intermediaries, and the commands of phone and
// terminal, each in a process of its own, are killed (SIGKILL) before and after commits all over a
// load, a payment, synchronisations and an unload; given again, each is done, and once.
func TestEveryProcessIsKilledAndGoesOn(t *testing.T) {
	t.Parallel()
	founded := filepath.Join(t.TempDir(), "box")
	hosts, err := network.HostsOf("127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, network.Found(t.Context(), founded, hosts, network.Options{}))

	whole := newNodes(t, founded, "", 0)
	made := whole.flow("", 0)
	for name, steps := range whole.stop() {
		made[name] = steps
	}
	requireBooks(t, whole.folder)
	const places = 2
	for name, steps := range made {
		for place := range min(places, steps) {
			at := 1 + (2*place+1)*steps/(2*places)
			t.Run(fmt.Sprintf("%s at %d of %d", name, at, steps), func(t *testing.T) {
				t.Parallel()
				n := newNodes(t, founded, name, at)
				n.flow(name, at)
				n.stop()
				requireBooks(t, n.folder)
				if place == 0 { // later ones may lie beyond what this run needs
					require.Equal(t, 1, n.killed)
				}
			})
		}
	}
}

// TestStaffReachNodesOverTheNetwork: limits, groups, a crisis, totals and reconciliation are
// ordered and read by the certificate of a node's staff, and by no other.
func TestStaffReachNodesOverTheNetwork(t *testing.T) {
	founded := filepath.Join(t.TempDir(), "box")
	hosts, err := network.HostsOf("127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, network.Found(t.Context(), founded, hosts, network.Options{}))
	n := newNodes(t, founded, "", 0)
	t.Chdir(t.TempDir())
	as := func(at, key, line string) (string, error) {
		t.Helper()
		c, _ := command(t, 0, append(strings.Fields(line), "--at", n.all[at].url, "--as", key)...)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	operator := filepath.Join(n.folder, "tls", "operator")
	key := filepath.Join(n.folder, "crisis-key", "crisis")
	n.untilDone(0, "wallet load anna 50", nil)
	for _, row := range []struct{ at, line, want string }{
		{"central", "centralbank totals", "SENORDIC: online"},
		{"central", "centralbank reconcile", "0 do not agree"},
		{"nordic", "bank policy set --all --preset pilot --by eva", "version 1"},
		{"nordic", "bank policy show", "ordered by eva"},
		{"nordic", "wallet buy anna 7 --order o", "anna has bought 7.00 kr"},
		{"nordic", "bank group --card SENORDICC0000001 --group 2", "group 2"},
		{"central", "crisis draft --days 7 --out draft --crisis-key " + key + ".cvc", "drafted"},
		{"", "crisis sign draft --out signed --key " + key, "signed"},
		{"central", "crisis countersign signed --by eva --out order --crisis-key " + key + ".cvc",
			"in force"},
		{"central", "crisis show", "ordered by eva"},
	} {
		if row.at == "" {
			c, _ := command(t, 0, strings.Fields(row.line)...)
			out, err := c.CombinedOutput()
			require.NoError(t, err, "%s", out)
			continue
		}
		out, err := as(row.at, operator, row.line)
		require.NoError(t, err, "%s: %s", row.line, out)
		require.Contains(t, out, row.want, row.line)
	}
	n.untilDone(0, "wallet sync anna", nil)
	out, err := as("central", operator, "crisis show")
	require.NoError(t, err, out)
	require.Contains(t, out, "1 of 1 device(s) held it", "the card has the order")
	for key, want := range map[string]string{
		filepath.Join(n.folder, "nordic-bank", "keys", "client"): "may not make this call",
		filepath.Join(n.folder, "nordic-bank", "keys", "server"): "a client's is needed",
	} {
		out, err := as("central", key, "centralbank totals")
		require.Error(t, err, key)
		require.Contains(t, out, want, key)
	}
	n.stop()
	requireBooks(t, n.folder)
}

// TestSIGHUPReadsRevocationLists: a node that serves reads them anew, and refuses whom they name.
func TestSIGHUPReadsRevocationLists(t *testing.T) {
	founded := filepath.Join(t.TempDir(), "box")
	hosts, err := network.HostsOf("127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, network.Found(t.Context(), founded, hosts, network.Options{}))
	n := newNodes(t, founded, "", 0)
	staff := filepath.Join(t.TempDir(), "staff") // who does not have the list
	require.NoError(t, os.Mkdir(staff, 0o700))
	for _, name := range []string{"operator.key", "operator.crt", "tls-root.crt"} {
		content, err := os.ReadFile(filepath.Join(n.folder, "tls", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(staff, name), content, 0o600))
	}
	operator := filepath.Join(staff, "operator")
	totals := func() (string, error) {
		c, _ := command(t, 0, "centralbank", "totals", "--at", n.all["central"].url, "--as",
			operator)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	pki := func(line string) {
		t.Helper()
		c, _ := command(t, 0, strings.Fields(line)...)
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s: %s", line, out)
	}
	root, keys := filepath.Join(n.folder, "tls", "tls-root"),
		filepath.Join(n.folder, "central-bank", "keys", "tls-root")
	pki("pki revoke " + operator + ".crt --by " + root + " --reason superseded")
	pki("pki import " + keys + " " + root + ".crl")
	out, err := totals()
	require.NoError(t, err, out)
	require.NoError(t, n.all["central"].process.Process.Signal(syscall.SIGHUP))
	for err == nil { // the signal is on its way
		_, err = totals()
	}
	n.untilDone(0, "wallet load anna 50", nil)
	n.stop()
	require.Contains(t, n.all["central"].said.String(), "certificate is revoked")
}

// TestUnitsStartWhatThereIs: the command lines of the systemd units are those of this program.
func TestUnitsStartWhatThereIs(t *testing.T) {
	units, err := filepath.Glob(filepath.Join("..", "..", "..", "scripts", "systemd", "*.service"))
	require.NoError(t, err)
	require.Len(t, units, 2)
	for _, unit := range units {
		content, err := os.ReadFile(unit)
		require.NoError(t, err)
		_, line, found := strings.Cut(string(content), "ExecStart=/usr/local/bin/ekrona ")
		require.True(t, found, unit)
		line, _, _ = strings.Cut(line, "\n")
		c, arguments, err := program{}.command().Find(strings.Fields(line))
		require.NoError(t, err, unit)
		require.Equal(t, "serve FOLDER", c.Use, unit)
		require.NoError(t, c.ParseFlags(arguments), unit)
		require.NoError(t, c.Args(c, c.Flags().Args()), unit)
		require.Contains(t, string(content), "\nStartLimitIntervalSec=0\n",
			"it is started again for as long as its database is away")
	}
}

// TestUnitsAreTakenBySystemd: with the paths in them that the README has an operator make, and
// those of this program in place of where it installs it.
func TestUnitsAreTakenBySystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze on this machine")
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	require.NoError(t, err)
	program, err := os.Executable()
	require.NoError(t, err)
	from, folder := filepath.Join("..", "..", "..", "scripts", "systemd"), t.TempDir()
	for unit, as := range map[string]string{"ekrona-centralbank.service": "",
		"ekrona-intermediary@.service": "ekrona-intermediary@nordic-bank.service"} {
		content, err := os.ReadFile(filepath.Join(from, unit))
		require.NoError(t, err)
		for _, path := range []string{"/usr/local/bin", "/var/lib/ekrona", "/etc/systemd/system"} {
			require.Contains(t, string(content), path)
			require.Contains(t, string(readme), path, "an operator is told to make it")
		}
		text := strings.ReplaceAll(string(content), "/usr/local/bin/ekrona", program)
		require.NoError(t, os.WriteFile(filepath.Join(folder, unit), []byte(text), 0o600))
		said, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no",
			filepath.Join(folder, cmp.Or(as, unit))).CombinedOutput()
		require.NoError(t, err, "%s", said)
		require.NotContains(t, string(said), folder, "it warns of nothing")
	}
}
