package batch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/personalization"
)

const goodHead = `job: spring-2027
bank: SENORDIC
keys:
  initial: test
  final: master.key
letters:
  recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
`

func read(content, table string) (*Job, error) {
	return parseJob("job.yaml", []byte(content), func(name string) ([]byte, error) {
		if name != "cards.csv" {
			return nil, os.ErrNotExist
		}
		return []byte(table), nil
	})
}

func TestSecondCardsInAJob(t *testing.T) {
	for name, job := range map[string][2]string{
		"inline": {goodHead +
			"cards:\n  - {owner: anna, second: yes}\n  - {owner: bertil, second: false, " +
			"replaces: SENORDICC0000007}\n", ""},
		"table": {goodHead + "cards: cards.csv\n",
			"owner,second,replaces\nanna,Yes,\nbertil,no,SENORDICC0000007\n"},
	} {
		j, err := read(job[0], job[1])
		require.NoError(t, err, name)
		require.Len(t, j.Cards, 2, name)
		assert.True(t, j.Cards[0].Second, name)
		assert.Empty(t, j.Cards[0].Replaces, name)
		assert.False(t, j.Cards[1].Second, name)
		assert.Equal(t, message.DeviceID("SENORDICC0000007"), j.Cards[1].Replaces, name)
	}
	_, err := read(goodHead+"cards: cards.csv\n", "owner,second,replaces\nanna,maybe,x\n")
	require.ErrorContains(t, err, `cards.csv:2: second "maybe": write yes or no`)
	require.ErrorContains(t, err, `cards.csv:2: replaces "x": give the device id`)
	_, err = read(goodHead+"cards: cards.csv\n",
		"owner,second,replaces\nanna,yes,SENORDICC0000007\n")
	require.ErrorContains(t, err, "cards.csv:2: second and replaces: ")
}

func TestJobIsRead(t *testing.T) {
	ceilings := personalization.DefaultLimits()
	ceilings.Ceilings.MaxBalance, ceilings.Ceilings.MaxTransactions = 200_00, 9
	ceilings.Ceilings.MaxSpent, ceilings.Slots = 400_00, 32
	limited := ceilings
	limited.Ceilings.MaxPayment = 49_50
	want := []Card{
		{Owner: "anna", Name: "Anna Ström", Address: []string{"Storgatan 1", "111 22 Ort"},
			Limits: limited},
		{Owner: "bertil", Name: "bertil"},
	}
	ceilings.Ceilings.MaxPayment = 100_00
	want[1].Limits = ceilings

	const head = goodHead + "expiry: 2031-12-31\nceilings: {max_balance: 200, max_payment: 100 " +
		"kr, max_transactions: 9, max_spent: 400, slots: 32}\n"
	for name, c := range map[string]struct {
		content, table string
		lines          [2]int
	}{
		"inline": {head + "cards:\n  - owner: anna\n    name: Anna Ström\n    address: |\n      " +
			"Storgatan 1\n      111 22 Ort\n    max_payment: 49.50\n  - owner: bertil\n", "",
			[2]int{11, 17}},
		"table": {head + "cards: cards.csv\n", "name,owner,max_payment,address\nAnna " +
			"Ström,anna,49.5,\"Storgatan 1\r\n111 22 Ort\"\n\n,bertil,,\n", [2]int{2, 5}},
		"table of a spreadsheet": {head + "cards: cards.csv\n",
			"\xEF\xBB\xBFowner;name;address;max_payment\r\nanna; Anna Ström ;\"Storgatan 1; 111 " +
				"22 Ort\";49.50 kr\r\nbertil;;;\r\n", [2]int{2, 3}},
		"table that names its separator": {head + "cards: cards.csv\n",
			"\xEF\xBB\xBFsep=;\r\nOwner;NAME;Address;Max_Payment\r\nanna;\"Anna " +
				"Ström\";\"Storgatan 1\r\n111 22 Ort\";49.50\r\nbertil;;;\r\n", [2]int{3, 5}},
		"quoted name of the separator": {head + "cards: cards.csv\n",
			"\"sep=\t\"\nowner\tname\taddress\tmax_payment\nanna\tAnna Ström\tStorgatan 1; 111 " +
				"22 Ort\t49.50\nbertil\t\t\t\n", [2]int{3, 4}},
		"table with bars": {head + "cards: cards.csv\n",
			"sep=|\nowner|name|address|max_payment\nanna|Anna Ström|Storgatan 1; 111 22 " +
				"Ort|49.50\nbertil|||\n", [2]int{3, 4}},
		"table with tabs": {head + "cards: cards.csv\n",
			"OWNER\tName\tmax_payment\taddress\r\nanna\tAnna Ström\t49.50\tStorgatan 1; 111 22 " +
				"Ort\r\nbertil\t\t\t\r\n", [2]int{2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			job, err := read(c.content, c.table)
			require.NoError(t, err)
			assert.Equal(t, "spring-2027", job.Name)
			assert.Equal(t, message.Name("SENORDIC"), job.Bank)
			assert.Equal(t, "2031-12-31", job.Expiry.String())
			assert.Equal(t, []string{"test", "master.key"}, []string{job.Initial, job.Final})
			require.Len(t, job.Recipients, 1)
			for i := range want {
				want[i].Line = c.lines[i]
			}
			assert.Equal(t, want, job.Cards)
		})
	}

	pilot, err := read(goodHead+"cards: cards.csv\n", "owner,max_balance,max_payment,max_spent,"+
		"max_transactions,slots,max_attacks\nanna,3000,3000,3000,5,16,0\nbertil,,,,,16,\n")
	require.NoError(t, err)
	assert.Equal(t, personalization.Limits{Ceilings: message.PilotPolicy(), Slots: 16},
		pilot.Cards[0].Limits)
	assert.EqualValues(t, 16, pilot.Cards[1].Ceilings.MaxTransactions, "no more than slots")
	assert.EqualValues(t, spec.DefaultAttacks, pilot.Cards[1].MaxAttacks)
	assert.EqualValues(t, 16, pilot.MostSlots())
	low, err := read(goodHead+"cards: cards.csv\n", "owner,max_balance\nanna,10\n")
	require.NoError(t, err)
	assert.Equal(t, money.Ore(10_00), low.Cards[0].Ceilings.MaxPayment)
	one, err := read(goodHead+"cards: cards.csv\n", "owner\nanna\n")
	require.NoError(t, err)
	other, err := read(goodHead+"cards: cards.csv\n", "owner\nanna\nbertil\n")
	require.NoError(t, err)
	assert.NotEqual(t, one.Digest, other.Digest, "the table is a part of the job")
}

// Every problem is named with its line, all of them at once.
func TestProblemsOfAJob(t *testing.T) {
	const inTable = goodHead + "cards: cards.csv\n"
	for name, c := range map[string]struct {
		content, table string
		want           []string
	}{
		"empty":     {"", "", []string{"job.yaml: it is empty"}},
		"no YAML":   {"job: [\n", "", []string{"job.yaml:1: yaml"}},
		"no fields": {"- a\n", "", []string{"job.yaml:1: here should be fields"}},
		"two documents": {goodHead + "cards: cards.csv\n---\nx: y\n", "owner\nanna\n",
			[]string{"it goes on after the job"}},
		"nothing in it": {"{}", "",
			[]string{":1: job: missing", ":1: bank: missing", ":1: keys: missing",
				":1: letters: missing", ":1: cards: missing"}},
		"everything": {"job: Spring!\nbank: NOBANK\nkeys: {initial: [], final: }\nexpiry: soon\n" +
			"ceilings: {max_transactions: 300, slots: 15}\nletters: {recipients: [age1x]}\n" +
			"cards: {}\n" +
			"cards: 7\n", "",
			[]string{":1: job: ", ":2: bank: ", ":3: initial: here should be", ":3: final: empty",
				":4: expiry: ", ":5: slots \"15\": give a whole number from 16 to 200",
				":5: max_transactions \"300\"", ":6: recipients: ", ":7: cards: ",
				":8: field cards is there twice"}},
		"no recipients": {strings.Replace(goodHead,
			"[age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]", "[]", 1) +
			"cards: cards.csv\n", "owner\na\n", []string{":7: recipients: list the public keys"}},
		"another bank's batch": {strings.Replace(goodHead, "bank: SENORDIC\n",
			"bank: SENORDIC\nbatch: SEFJORDBB0000001\n", 1) + "cards: cards.csv\n", "owner\na\n",
			[]string{":3: batch: "}},
		"no table": {goodHead + "cards: none.csv\n", "",
			[]string{":8: cards: file does not exist"}},
		"empty table": {inTable, "", []string{"cards.csv:1: it has no first line"}},
		"no cards":    {inTable, "owner,name\n", []string{"cards.csv: it names no cards"}},
		"columns": {inTable, "name,colour,name\n",
			[]string{"cards.csv:1: unknown column \"colour\"",
				"cards.csv:1: column name is there twice", "cards.csv:1: column owner is missing"}},
		"fields": {inTable, "owner,name\nanna\nbertil,B\nx,y,z\n",
			[]string{"cards.csv:2: 1 field,", "cards.csv:4: 3 fields"}},
		"quotes": {inTable, "owner,name\nanna,\"A\nb,c\n", []string{"cards.csv:2: "}},
		"same owner": {inTable, "owner\nanna\nb\nanna\n",
			[]string{"cards.csv:4: owner \"anna\" has a card on line 2"}},
		"owners": {inTable, "owner,name\n,A\na b,B\n",
			[]string{"cards.csv:2: owner \"\"", "cards.csv:3: owner \"a b\""}},
		"amounts": {inTable,
			"owner,max_payment,max_balance\na,0,\nb,1e3,\nc,99999999999,\nd,\"1,5\",\ne,20,10\n",
			[]string{"csv:2: max_payment", "csv:3: max_payment", "csv:4: max_payment",
				"csv:5: max_payment", "csv:6: max_payment is above"}},
		"above the job's": {goodHead + "ceilings: {max_balance: 1000, max_payment: 500, " +
			"max_transactions: 9}\ncards: cards.csv\n",
			"owner,max_balance,max_payment,max_transactions\na,1000,500,9\nb,1001,,\nc,,600,\n" +
				"d,,,10\n",
			[]string{"cards.csv:3: max_balance 1001.00 kr is above that of the job, 1000.00 kr",
				"cards.csv:4: max_payment 600.00 kr",
				"cards.csv:5: max_transactions 10 is above that of the job, 9"}},
		"above the slots": {inTable, "owner,max_transactions,slots\na,33,32\nb,129,\nc,200,200\n",
			[]string{"cards.csv:2: max_transactions is above the slots of the log, 32",
				"cards.csv:3: max_transactions is above the slots of the log, 128"}},
		"more slots than the job's": {goodHead + "ceilings: {slots: 20, max_spent: 10}\n" +
			"cards: cards.csv\n", "owner,slots,max_spent\na,21,11\n",
			[]string{"cards.csv:2: max_spent 11.00 kr is above that of the job, 10.00 kr",
				"cards.csv:2: slots 21 is above that of the job, 20"}},
		"above the job's, inline": {goodHead +
			"ceilings: {max_payment: 100}\ncards: [{owner: a, max_payment: 101}]\n", "",
			[]string{":9: max_payment 101.00 kr"}},
		"columns behind a separator": {inTable, "sep=;\nowner;colour\n",
			[]string{"cards.csv:2: unknown column \"colour\""}},
		"twice in other letters": {inTable, "owner,Owner\na,b\n",
			[]string{"cards.csv:1: column owner is there twice"}},
		"known to all": {strings.Replace(goodHead, "master.key", "test", 1) +
			"cards: cards.csv\n", "owner\na\n",
			[]string{":5: final: everybody knows the test keys"}},
		"counts": {goodHead +
			"cards:\n  - {owner: a, max_transactions: 0}\n  - {owner: b, max_transactions: 1.5}\n",
			"", []string{":9: max_transactions", ":10: max_transactions"}},
		"not UTF-8": {inTable, "owner,name\nanna,\xC5ke\nb,\xE5\n",
			[]string{"cards.csv:2: it is not in UTF-8", "cards.csv:3: it is not in UTF-8"}},
		"old lines": {inTable, "owner,name\ranna,A\r",
			[]string{"cards.csv:1: its lines end with CR alone"}},
		"much in one field": {inTable, "owner," + strings.Repeat("y", 200) + "\nanna,A\n",
			[]string{"cards.csv:1: unknown column \"" + strings.Repeat("y", 60) + "\";"}},
		"UTF-16": {inTable, "\xFF\xFEo\x00",
			[]string{"cards.csv:1: it is in UTF-16"}},
		"control": {inTable, "owner,name\nanna,\"A\x1b[2J\"\n",
			[]string{"cards.csv:2: name and address"}},
		"long": {inTable, "owner,address\nanna,\"" + strings.Repeat("x", 81) +
			"\"\nb,\"1\n2\n3\n4\n5\n6\n7\"\n",
			[]string{"cards.csv:2: name and address", "cards.csv:3: address: 7 lines"}},
		"unknown inline": {goodHead + "cards:\n  - owner: a\n    pin: 1234\n  - b\n",
			"", []string{":10: unknown field \"pin\"", ":11: here should be fields"}},
	} {
		t.Run(name, func(t *testing.T) {
			job, err := read(c.content, c.table)
			assert.Nil(t, job)
			var problems Problems
			require.ErrorAs(t, err, &problems)
			require.Len(t, problems, len(c.want), problems)
			for i := range c.want {
				assert.Contains(t, problems[i].String(), c.want[i])
			}
		})
	}
}

func TestJobFilesAreFoundAndBounded(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "job.yaml")
	_, err := ReadJob(path)
	assert.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte(goodHead+"cards: cards.csv\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "cards.csv"), []byte("owner\nanna\n"),
		0o600))
	job, err := ReadJob(path)
	require.NoError(t, err)
	assert.Len(t, job.Cards, 1)

	require.NoError(t, os.WriteFile(path, make([]byte, maxJobBytes+1), 0o600))
	_, err = ReadJob(path)
	assert.ErrorContains(t, err, "make several jobs of it")
	var table strings.Builder
	table.WriteString("owner\n")
	for i := range maxCards + 1 {
		fmt.Fprintf(&table, "c%d\n", i)
	}
	_, err = read(goodHead+"cards: cards.csv\n", table.String())
	assert.ErrorContains(t, err, "make several jobs of it")
}
