package storetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
)

var onCluster = flag.Bool("patroni", false, "run the failure tests on three PostgreSQL nodes "+
	"under Patroni too, by scripts/cluster, and kill these")

// Cluster is three PostgreSQL nodes under Patroni, as scripts/cluster starts them.
type Cluster struct {
	t      *testing.T
	folder string
	port   int
	source string
}

// NewCluster starts a cluster until the test ends; without the flag -patroni the test is skipped.
func NewCluster(t *testing.T) *Cluster {
	t.Helper()
	if !*onCluster {
		t.Skip("give -patroni")
	}
	script, err := script()
	require.NoError(t, err)
	c := &Cluster{t: t, port: freePorts(t)}
	top, err := os.MkdirTemp("", "ekrona-cluster-") // PostgreSQL's user has to enter it
	require.NoError(t, err)
	require.NoError(t, os.Chmod(top, 0o755))
	c.folder = filepath.Join(top, "nodes")
	run := exec.CommandContext(context.WithoutCancel(t.Context()), script, c.folder,
		strconv.Itoa(c.port))
	run.Stderr = os.Stderr
	in, err := run.StdinPipe() // it ends with us, however we end
	require.NoError(t, err)
	out, err := run.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, run.Start())
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, run.Wait())
		require.NoFileExists(t, c.folder)
		require.NoError(t, os.Remove(top))
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	c.source = strings.TrimSpace(line)
	return c
}

// script returns the path of scripts/cluster, from the folder of any package.
func script() (string, error) {
	at, err := os.Getwd()
	for err == nil && at != filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return filepath.Join(at, "scripts", "cluster"), nil
		}
		at = filepath.Dir(at)
	}
	return "", errors.Join(err, errors.New("the tests do not run in the module"))
}

// freePorts returns the first of the ports of a cluster, at none of which anybody listens.
func freePorts(t *testing.T) int {
	t.Helper()
	const first, last, step = 20_000, 30_000, 30
next:
	for port := first; port < last; port += step {
		for _, offset := range []int{0, 1, 11, 12, 13, 21, 22, 23} {
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp",
				fmt.Sprintf("127.0.0.1:%d", port+offset))
			if err != nil {
				continue next
			}
			require.NoError(t, l.Close())
		}
		return port
	}
	require.FailNow(t, "no ports are free")
	return 0
}

// Database makes a database and returns its source.
func (c *Cluster) Database(name string) (source string) {
	c.t.Helper()
	admin, err := store.Open(c.t.Context(), c.source)
	require.NoError(c.t, err)
	_, err = admin.ExecContext(c.t.Context(), `CREATE DATABASE `+name)
	require.NoError(c.t, errors.Join(err, admin.Close()))
	u, err := url.Parse(c.source)
	require.NoError(c.t, err)
	u.Path = "/" + name
	return u.String()
}

// Node is a node's number, from 1 on.
type Node int

// Roles of nodes, as Patroni names them.
const (
	Leader  = "leader"
	Standby = "sync_standby"
)

// In waits until a node is in a role, and returns it.
func (c *Cluster) In(role string) Node {
	c.t.Helper()
	for at := 0; ; at++ {
		node, err := c.ask(Node(1+at%3), role)
		if err == nil && node != 0 {
			return node
		}
		require.NoError(c.t, c.t.Context().Err())
	}
}

// ask asks the Patroni of a node who is in a role; 0: nobody.
func (c *Cluster) ask(at Node, role string) (Node, error) {
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet,
		fmt.Sprintf("http://127.0.0.1:%d/cluster", c.port+20+int(at)), nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Members []struct{ Name, Role, State string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, err
	}
	for _, m := range answer.Members {
		if m.Role == role && m.State == "running" {
			n, err := strconv.Atoi(m.Name)
			return Node(n), err
		}
	}
	return 0, nil
}

// KillPostmaster kills (SIGKILL) the first process of a node's PostgreSQL, and so all of it. It
// reports whether there was one.
func (c *Cluster) KillPostmaster(n Node) bool {
	return c.kill(n, filepath.Join("data", "postmaster.pid"))
}

// KillPatroni kills (SIGKILL) a node's Patroni, which is started again.
func (c *Cluster) KillPatroni(n Node) bool { return c.kill(n, "patroni.pid") }

// kill kills the process whose number a file of a node has. A killed one leaves its file behind,
// and its number to others: only what has the node's folder in its command line is killed.
func (c *Cluster) kill(n Node, file string) bool {
	c.t.Helper()
	folder := filepath.Join(c.folder, strconv.Itoa(int(n)))
	text, err := os.ReadFile(filepath.Join(folder, file))
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	require.NoError(c.t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	require.NoError(c.t, err)
	process, err := os.FindProcess(pid) // a handle: whoever has the number later is another one
	require.NoError(c.t, err)
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.Contains(string(line), folder+"/") {
		return false
	}
	err = process.Kill()
	require.True(c.t, err == nil || errors.Is(err, os.ErrProcessDone), "%v", err)
	return err == nil
}
