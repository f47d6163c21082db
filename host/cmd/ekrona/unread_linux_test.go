package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/network"
)

// TestANodeOutlivesItsLog: a node whose log nobody reads any more, or has no room, answers calls,
// and ends as it is told to.
func TestANodeOutlivesItsLog(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "box")
	hosts, err := network.HostsOf("127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, network.Found(t.Context(), folder, hosts, network.Options{}))
	read, unread, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, read.Close())
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	for _, log := range []*os.File{unread, full} {
		served, _ := command(t, 0, "centralbank", "serve", filepath.Join(folder, "central-bank"),
			"--listen", "127.0.0.1:0", "--log", "info")
		served.Stderr = log
		out, err := served.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, served.Start())
		defer served.Process.Kill() // it has ended
		url, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		for range 2 { // each is a line
			asked, _ := command(t, 0, "centralbank", "totals", "--at", strings.TrimSpace(url),
				"--as", filepath.Join(folder, "tls", "operator"))
			said, err := asked.CombinedOutput()
			require.NoError(t, err, "%s", said)
		}
		require.NoError(t, served.Process.Signal(os.Interrupt))
		require.NoError(t, served.Wait(), log.Name())
		require.NoError(t, log.Close())
	}
}
