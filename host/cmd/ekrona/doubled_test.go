package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/clock"
	"ekrona.example/host/network"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/store/storetest"
	"ekrona.example/personalization/batch/batchtest"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// process is one process of a party, in a folder and at an address of its own.
type process struct {
	t         *testing.T
	name      string
	arguments []string
	url       string

	mu  sync.Mutex
	run *exec.Cmd
}

// start starts the process and waits until it answers.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	p.run = exec.CommandContext(context.WithoutCancel(p.t.Context()), program, p.arguments...)
	p.run.Env = append(os.Environ(), killAt+"=0", countSteps+"="+os.DevNull)
	var said bytes.Buffer
	p.run.Stderr = &said
	out, err := p.run.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.run.Start(); err != nil {
		return err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return fmt.Errorf("%s: %w: %w: %s", p.name, err, p.run.Wait(), said.String())
	}
	return nil
}

// signal sends a signal, and waits for the end where it ends the process.
func (p *process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.run.Process.Signal(s); err != nil {
		return err
	}
	switch s {
	case syscall.SIGKILL:
		_ = p.run.Wait() // "signal: killed"
	case syscall.SIGTERM:
		return p.run.Wait()
	default:
	}
	return nil
}

// doubled are a central bank and two banks, each as two processes on one database.
type doubled struct {
	t      *testing.T
	folder string
	all    map[string]*process // "central-bank", "central-bank-2", ...
	http   *http.Client
}

var doubledParties = []string{"central-bank", "nordic-bank", "fjord-bank"}

// leaseTime is as short as a busy machine allows.
const leaseTime = 2 * time.Second

// newDoubled starts the processes. between, unless it is nil, returns the address at which callers
// find the process of a name that listens at an address.
func newDoubled(
	t *testing.T, database func(name string) string, between func(name, address string) string,
) *doubled {
	t.Helper()
	d := &doubled{t: t, folder: filepath.Join(t.TempDir(), "box"), all: map[string]*process{}}
	hosts, err := network.HostsOf("127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, network.Found(t.Context(), d.folder, hosts, network.Options{
		Databases: map[message.Name]string{"": database("central"),
			sandbox.Nordic: database("nordic"), sandbox.Fjord: database("fjord")}}))
	shown, err := transport.Open(t.Context(), pki.Open(filepath.Join(d.folder, "tls"), nil),
		network.Operator, time.Now)
	require.NoError(t, err)
	d.http = &http.Client{Transport: &http.Transport{TLSClientConfig: shown.Client()}}
	t.Cleanup(func() { d.http.CloseIdleConnections(); require.NoError(t, shown.Close()) })
	for _, name := range doubledParties {
		path, second := filepath.Join(d.folder, name), filepath.Join(t.TempDir(), name)
		d.settle(path)
		batchtest.Bureau{Folder: path}.Copy(t, second)
		kind := "intermediary"
		if name == doubledParties[0] {
			kind = "centralbank"
		}
		for each, folder := range map[string]string{name: path, name + "-2": second} {
			address := freeAddress(t)
			at := address
			if between != nil {
				at = between(each, address)
			}
			p := &process{t: t, name: each, url: "https://" + at, arguments: []string{kind,
				"serve", folder, "--listen", address, "--url", "https://" + at}}
			if kind == "intermediary" {
				p.arguments = append(p.arguments, "--central-bank", d.urls(doubledParties[0]))
			}
			d.all[each] = p
			require.NoError(t, p.start())
			t.Cleanup(func() {
				if p.run.ProcessState == nil {
					require.NoError(t, p.signal(syscall.SIGKILL))
				}
			})
		}
	}
	return d
}

// settle gives a party a short lease, and its database a role that does not own its tables.
func (d *doubled) settle(path string) {
	d.t.Helper()
	kind, err := party.KindOf(path)
	require.NoError(d.t, err)
	change := func(s *party.Service, database, owner *string) func() {
		return func() {
			s.Lease, *owner = leaseTime, *database
			*database = storetest.AsService(d.t, *database)
		}
	}
	if kind == party.CentralBank {
		s := centralbank.Settings{}
		err = party.Configure(d.t.Context(), path, kind, &s,
			change(&s.Service, &s.Database, &s.DatabaseOwner), party.Environment{})
	} else {
		s := bank.Settings{}
		err = party.Configure(d.t.Context(), path, kind, &s,
			change(&s.Service, &s.Database, &s.DatabaseOwner), party.Environment{})
	}
	require.NoError(d.t, err)
}

// freeAddress returns an address on loopback at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// urls are the addresses of a party's processes, as its callers take them.
func (d *doubled) urls(name string) string { return d.all[name].url + "," + d.all[name+"-2"].url }

// people opens the phones, terminals and cards, which call both processes of their banks.
func (d *doubled) people() *sandbox.Sandbox {
	d.t.Helper()
	s, err := sandbox.Open(d.folder, sandbox.Options{Banks: map[message.Name]string{
		sandbox.Nordic: d.urls("nordic-bank"), sandbox.Fjord: d.urls("fjord-bank")}})
	require.NoError(d.t, err)
	return s
}

// readiness is what a process says of itself.
type readiness struct {
	Status  string `json:"status"`
	Decides bool   `json:"decides"`
	Holder  string `json:"holder"`
}

func (d *doubled) ready(name string) (r readiness) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet,
		d.all[name].url+"/readyz", nil)
	require.NoError(d.t, err)
	response, err := d.http.Do(request)
	require.NoError(d.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(d.t, err)
	require.NoError(d.t, json.Unmarshal(body, &r), "%s", body)
	return r
}

// untilAsked is how long a process that was asked is left to its work before it is asked again.
const untilAsked = 50 * time.Millisecond

// until asks the processes until they say what is waited for.
func (d *doubled) until(said func() bool) {
	d.t.Helper()
	for !said() {
		require.NoError(d.t, clock.Pause(d.t.Context(), untilAsked))
	}
}

// holder returns the names of the processes of a party that decides, and does not, once both say
// the same.
func (d *doubled) holder(name string) (holds, waits string) {
	d.t.Helper()
	d.until(func() bool {
		first, second := d.ready(name), d.ready(name+"-2")
		switch {
		case first.Holder == "" || first.Holder != second.Holder:
		case first.Decides && !second.Decides:
			require.Equal(d.t, d.all[name].url, second.Holder)
			holds, waits = name, name+"-2"
		case second.Decides && !first.Decides:
			require.Equal(d.t, d.all[name+"-2"].url, first.Holder)
			holds, waits = name+"-2", name
		}
		return holds != ""
	})
	return holds, waits
}

// stop ends every process gracefully.
func (d *doubled) stop() {
	d.t.Helper()
	for _, name := range []string{"fjord-bank", "nordic-bank", "central-bank"} {
		require.NoError(d.t, d.all[name].signal(syscall.SIGTERM))
		require.NoError(d.t, d.all[name+"-2"].signal(syscall.SIGTERM))
	}
}
