package party_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/party/phone"
	"ekrona.example/host/party/pos"
)

// given are the values that a test writes at a key: those that are taken, and those that are not.
type given struct{ good, bad []string }

// words are parted by spaces outside of quotes.
var words = regexp.MustCompile(`(?:"[^"]*"|[^\s"])+`)

func values(good, bad string) given {
	return given{words.FindAllString(good, -1), words.FindAllString(bad, -1)}
}

// Values by their kind; a text without quotes is as YAML reads it.
var (
	aFile = values(`keys/a.cvc /var/lib/x ../x`, `"" "a\0b" "a\nb" https://a:1 "\u0007" [] {}`)
	aKey  = values(`server hsm-1`, `a/b .. "." "a\0b" "a\nb" ../server [] {}`)
	aText = values(`Nordic "Å"`, `"a\nb" " x" "\u0000" [] {} `+strings.Repeat("x", 101))
	aFlag = values(`true false`, `maybe 7 []`)
	aBase = values(`ledger.db /var/x.db postgres://bank@db.example/ekrona `+
		`postgres://a@b:1,c:2/x?target_session_attrs=read-write`,
		`mysql://u:secret@h/x https://h:1 ":memory:" "" postgres://u:secret@h:99999/x `+
			`postgres://u:secret@h%zz/x "a\nb" [] postgres://h/x?connect_timeout=soon`)
	anOwner = values(`postgres://owner@db.example/ekrona`, `ledger.db mysql://u:secret@h/x []`)
	reached = values(`../nordic-bank https://a:1 "https://a:1, https://b:2" https://[::1]:7`,
		`"" http://a:1 https:// https://a:0 https://a:65536 https://:1 https://a:1,http://b:1 `+
			`https://u@a https://a/x https://a?x=1 "https://a:1," "a\nb" []`)
	aTime = values(`100ms 30s 1h`, `0s 0 0h -1s 1ms 2h 9999h 5 soon [] .nan`)
	aTerm = values(`1h 720h 87600h`, `0 -5h 1s 59m 87601h 720 soon []`)
	files = values(`[a] [a,b]`, `[""] [a,a] [https://a:1] a {}`)
	names = values(`[] [eva] [eva,adam]`, `[""] [eva,eva] [" x"] ["a\nb"] eva `+
		`[`+strings.Repeat("x", 65)+`]`)
	aCount = values(`1 100 1000000`, `0 -0 0x0 -1 1000001 1.5 many []`)
	aRate  = values(`0.001 20 1000000`, `0 0.0 -1 0.0001 1000001 .nan .inf -.inf many []`)
)

// settings are a whole file of each party, and what its keys take.
var settings = []struct {
	kind  party.Kind
	whole any // a pointer
	keys  map[string]given
}{
	{party.CentralBank, &centralbank.Settings{Party: party.CentralBank, Database: "ledger.db",
		Keys: "keys", Notary: "notary", Root: "keys/root.cvc",
		Terms: centralbank.Terms{Honour: 720 * time.Hour, Wait: 720 * time.Hour,
			CoverLimit: 5, PoolAhead: centralbank.PoolAhead{Cap: 5_000, EachCard: 5}}},
		with(map[string]given{"database": aBase, "database_owner": anOwner, "keys": aFile,
			"notary": aKey, "root": aFile, "terms.honour": aTerm, "terms.wait": aTerm,
			"terms.terminal_room": values(`1 9007199254740991`, `0 -1 9007199254740992 many`),
			"terms.pool_ahead.cap": values(`5 9007199254740991`,
				`-1 9007199254740992 many 1.5`),
			"terms.pool_ahead.each_card": values(`1 5000`, `0 -1 5001 many`)})},
	{party.Intermediary, &bank.Settings{Party: party.Intermediary, Name: "SENORDIC",
		Title: "Nordic Bank", Database: "intermediary.db", Keys: "keys", CA: "ca",
		Instruction: "instruction", Desk: "desk", Root: "keys/root.cvc",
		Notary: "keys/notary.cvc", CentralBank: "../central-bank", CardYears: 4, BatchSize: 10},
		with(map[string]given{"name": values(`SENORDIC SEBANK42`, `senordic SENORDI SENORDICX []`),
			"title": aText, "database": aBase, "database_owner": anOwner, "keys": aFile, "ca": aKey,
			"instruction": aKey, "desk": aKey, "root": aFile, "notary": aFile,
			"central_bank": reached, "card_years": values(`1 10`, `0 -4 11 400 4.5 many`),
			"batch_size": values(`1 10000 1000000`, `0 -1 1000001 many`)})},
	{party.Phone, &phone.Settings{Party: party.Phone, Owner: "anna", Keys: "keys", App: "app",
		PairSeal: "keys/pair.key", Intermediary: "../nordic-bank", Authorities: []string{"a"}},
		map[string]given{"owner": aText, "keys": aFile, "app": aKey, "pair_seal": aFile,
			"intermediary": reached, "authorities": files, "provenance": aFlag}},
	{party.Terminal, &pos.Settings{Party: party.Terminal, Merchant: "cafe", Database: "journal.db",
		Keys: "keys", Terminal: "terminal", Owner: "owner", JournalKey: "keys/journal.key",
		Root: "keys/root.cvc", CA: "keys/ca.cvc", Authorities: []string{"keys/ca.cvc"},
		Notary: "keys/notary.cvc", Intermediary: "../fjord-bank"},
		map[string]given{"merchant": aText, "database": aFile, "keys": aFile, "terminal": aKey,
			"owner": aKey, "journal_key": aFile, "root": aFile, "links": files, "ca": aFile,
			"authorities": files, "notary": aFile, "intermediary": reached,
			"former": values(`[] [SENORDICT0000001]`, `[x] [""] [SENORDIC] x`)}},
}

// with adds the keys of a service.
func with(keys map[string]given) map[string]given {
	for key, of := range map[string]given{
		"listen": values(`127.0.0.1:7443 :7443 "[::1]:1" "[::]:0" bank.example:65535`,
			`rubbish 127.0.0.1 127.0.0.1:x 127.0.0.1:65536 127.0.0.1:-1 "a b:1" "a\nb:1" 7443 []`),
		"server": aKey, "client": aKey, "operators": names, "desks": names,
		"url": values(`https://a:1 https://bank.example:7443`,
			`http://a:1 rubbish https://a:1,https://b:2 https:// https://a:1/x https://a:70000 []`),
		"lease":              values(`1s 6s 10m`, `0s 0 -1s 999ms 11m 9999h 6 soon`),
		"limits.connections": aCount, "limits.burst": aCount, "limits.node_burst": aCount,
		"limits.memory": values(`16842752 68719476736`,
			`0 -1 16842751 68719476737 many`),
		"limits.in_flight":               values(`1 100000`, `0 0x0 -1 100001 many`),
		"limits.connections_per_address": aCount,
		"limits.per_second":              aRate, "limits.node_per_second": aRate,
		"limits.header": aTime, "limits.request": aTime, "limits.answer": aTime,
		"limits.idle": aTime, "limits.stop": aTime,
	} {
		keys["service."+key] = of
	}
	return keys
}

// keysOf returns the keys of settings, by their types; but the first, "party".
func keysOf(t reflect.Type, at string) (all []string) {
	for n := range t.NumField() {
		f := t.Field(n)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key = strings.TrimPrefix(at+"."+key, "."); key == "party" {
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			all = append(all, keysOf(f.Type, key)...)
		} else {
			all = append(all, key)
		}
	}
	return all
}

// put puts a value, as YAML has it, at a key of settings.
func put(t *testing.T, whole any, key, value string) []byte {
	t.Helper()
	content, err := yaml.Marshal(whole)
	require.NoError(t, err)
	all := map[string]any{}
	require.NoError(t, yaml.Unmarshal(content, &all))
	at, path := all, strings.Split(key, ".")
	for _, name := range path[:len(path)-1] {
		below, is := at[name].(map[string]any)
		if !is {
			below = map[string]any{}
			at[name] = below
		}
		at = below
	}
	const place = "the value"
	at[path[len(path)-1]] = place
	content, err = yaml.Marshal(all)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(content), place))
	return []byte(strings.Replace(string(content), place, value, 1))
}

// TestEverySettingIsChecked: each key of each party's settings takes what it may, and one line
// names the file, the key, the value and what may stand there for anything else.
func TestEverySettingIsChecked(t *testing.T) {
	for _, s := range settings {
		folder := t.TempDir()
		path := filepath.Join(folder, party.SettingsFile)
		read := func(content []byte) error {
			require.NoError(t, os.WriteFile(path, content, 0o600))
			into := reflect.New(reflect.TypeOf(s.whole).Elem()).Interface()
			return party.Peek(folder).Read(s.kind, into)
		}
		all := keysOf(reflect.TypeOf(s.whole).Elem(), "")
		require.Len(t, s.keys, len(all), s.kind)
		for _, key := range all {
			of := s.keys[key]
			require.NotEmpty(t, of.good, "%s: %s", s.kind, key)
			require.NotEmpty(t, of.bad, "%s: %s", s.kind, key)
			for _, value := range of.good {
				assert.NoError(t, read(put(t, s.whole, key, value)), "%s: %s: %s", s.kind, key,
					value)
			}
			for _, value := range of.bad {
				name := fmt.Sprintf("%s: %s: %s", s.kind, key, value)
				err := read(put(t, s.whole, key, value))
				if !assert.Error(t, err, name) {
					continue
				}
				assert.Contains(t, err.Error(), path, name)
				assert.Contains(t, err.Error(), key, name)
				assert.NotContains(t, err.Error(), "\n", name)
				assert.NotContains(t, err.Error(), "secret", name)
				assert.Regexp(t, `give |missing or empty`, err.Error(), name)
			}
			misspelt := put(t, s.whole, key+"x", of.good[0])
			require.ErrorContains(t, read(misspelt), "x not found", key)
		}
	}
}
