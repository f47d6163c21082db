package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// In every state, a command by itself or in a chain, on the basic channel, on another and in a
// secure channel, what a rule hides and what a log hides is the same: nothing that a recorder keeps
// is hidden by a log that is written of unmasked exchanges.
func TestLogsAndRulesHideTheSame(t *testing.T) {
	ours, other := []byte("\xF0TOY\x01"), []byte("\xF0OTHER")
	selected := func(aid []byte) []apdu.Exchange {
		return []apdu.Exchange{{Command: apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName,
			Data: aid}, Response: apdu.Response{SW: apdu.OK}}}
	}
	states := map[string][][]apdu.Exchange{ // a reset between two
		"before any SELECT":   {nil},
		"ours":                {selected(ours)},
		"another":             {selected(other)},
		"the card manager":    {selected(nil)},
		"ours, after another": {append(selected(other), selected(ours)...)},
		"after a reset":       {selected(ours), nil},
		"reset, then another": {selected(ours), selected(other)},
	}
	secret := []byte("THE-SECRET-TEXT!")
	for name, state := range states {
		for _, header := range []string{"00200080", "00240080", "002C0080", "80100000", "80120000",
			"80340000", "80D88101", "84D88101", "80500000", "84820100", "00DA00D1", "00CA005A",
			"002A80B8", "0CB00000"} {
			raw, err := apdu.ParseHex(header)
			require.NoError(t, err)
			for _, unmasked := range []bool{false, true} {
				for _, parts := range []int{1, 2} {
					d := New(toy())
					d.Unmasked = unmasked
					rule, out := d.Rule(), &bytes.Buffer{}
					log := Text{Raw: true}.Log(out, d)
					kept := ""
					do := func(e apdu.Exchange) {
						spans := rule.Secrets(e.Command, e.Response)
						data := apdu.Zeroed(e.Command.Data, spans.Command)
						answer := apdu.Zeroed(e.Response.Data, spans.Response)
						kept += fmt.Sprintf("%X %X ", data, answer)
						log.Exchange(e)
					}
					for i, part := range state {
						if i > 0 {
							rule.Reset()
							log.Reset(nil)
						}
						for _, e := range part {
							do(e)
						}
					}
					kept = ""
					out.Reset()
					half := len(secret) / parts
					for i := range parts {
						c := apdu.Command{CLA: raw[0], INS: raw[1], P1: raw[2], P2: raw[3],
							Data: secret[i*half : (i+1)*half]}
						if i < parts-1 {
							c.CLA |= apdu.ClassChaining
						}
						do(apdu.Exchange{Command: c,
							Response: apdu.Response{Data: secret, SW: apdu.OK}})
					}
					label := []any{"%s, %s, %d parts, unmasked %v\n%s\n%s", name, header, parts,
						unmasked, kept, out}
					hex := strings.ReplaceAll(out.String(), " ", "")
					for at := 0; at+4 <= len(secret); at += 4 {
						some := fmt.Sprintf("%X", secret[at:at+4])
						if strings.Contains(kept, some) {
							assert.Contains(t, hex, some, label...)
						}
					}
				}
			}
		}
	}
}

// A PIN, a key and what nothing is known of are in no output but with the application whose they
// are selected and unmasked, whichever way the exchange came.
func TestSecretsInEveryState(t *testing.T) {
	secret := []byte("THE-SECRET-TEXT!")
	hex := fmt.Sprintf("%X", secret)
	d := New(toy())
	for name, before := range map[string]func(r *Rule, l *Log){
		"before any SELECT": func(*Rule, *Log) {},
		"another": func(r *Rule, l *Log) {
			e := apdu.Exchange{Command: apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName,
				Data: []byte("\xF0OTHER")}, Response: apdu.Response{SW: apdu.OK}}
			r.Secrets(e.Command, e.Response)
			l.Exchange(e)
		},
		"after a reset": func(r *Rule, l *Log) {
			e := apdu.Exchange{Command: apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName,
				Data: []byte("\xF0TOY\x01")}, Response: apdu.Response{SW: apdu.OK}}
			r.Secrets(e.Command, e.Response)
			l.Exchange(e)
			r.Reset()
			l.Reset(nil)
		},
	} {
		for _, header := range []string{"00200080", "00240080", "002C0080", "80100000", "80110000",
			"80340000", "84D88101", "84500000", "81100000", "40200080"} {
			raw, err := apdu.ParseHex(header)
			require.NoError(t, err)
			for _, class := range []byte{0, apdu.ClassChaining} {
				c := apdu.Command{CLA: raw[0] | class, INS: raw[1], P1: raw[2], P2: raw[3],
					Data: secret}
				out := &bytes.Buffer{}
				rule, log := d.Rule(), Text{Raw: true}.Log(out, d)
				before(rule, log)
				out.Reset()
				r := apdu.Response{SW: apdu.OK}
				spans := rule.Inside().Secrets(c, r)
				e := apdu.Exchange{Command: c, Response: r}
				e.Command.Data = apdu.Zeroed(c.Data, spans.Command)
				assert.NotContains(t, string(e.Command.Data), "SECRET", "%s, %v", name, c)
				spans = rule.Secrets(c, r)
				e.Command.Data, e.Masked = apdu.Zeroed(c.Data, spans.Command), spans
				assert.NotContains(t, string(e.Command.Data), "SECRET", "%s, %v", name, c)
				log.Exchange(e)
				asJSON, err := json.Marshal(d.Exchange(e))
				require.NoError(t, err)
				assert.NotContains(t, out.String()+string(asJSON), hex, "%s, %v", name, c)
			}
		}
	}
}
