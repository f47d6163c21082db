package settlement

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
)

// TestNettingCases runs testdata/netting.txt: "available WALLET AMOUNT ...", "claim FROM TO AMOUNT"
// (TO "-" is outside), then "settles N N ..." with the numbers of the claims in order.
func TestNettingCases(t *testing.T) {
	file, err := os.Open("testdata/netting.txt")
	require.NoError(t, err)
	defer file.Close()
	var title string
	var claims []claim
	available, checked := map[message.DeviceID]money.Ore{}, 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		switch fields[0] {
		case "case":
			title, claims, available = strings.Join(fields[1:], " "), nil,
				map[message.DeviceID]money.Ore{}
		case "available":
			for i := 1; i+1 < len(fields); i += 2 {
				available[message.DeviceID(fields[i])] = amount(t, fields[i+1])
			}
		case "claim":
			claims = append(claims,
				claim{n: int64(len(claims) + 1), from: message.DeviceID(fields[1]),
					to:     message.DeviceID(strings.Trim(fields[2], "-")),
					amount: amount(t, fields[3])})
		case "settles":
			got := []string{}
			for _, c := range netting(claims, available) {
				got = append(got, fmt.Sprint(c.n))
			}
			require.Equal(t, fields[1:], got, title)
			checked++
		default:
			require.Fail(t, "unknown line", lines.Text())
		}
	}
	require.Greater(t, checked, 5)
}

func amount(t require.TestingT, text string) money.Ore {
	a, err := money.Parse(text)
	require.NoError(t, err)
	return a
}

func drawClaims(t *rapid.T, most int) ([]claim, map[message.DeviceID]money.Ore) {
	wallets := []message.DeviceID{"A", "B", "C", "D", "E"}
	available := map[message.DeviceID]money.Ore{}
	for _, w := range wallets {
		available[w] = money.Ore(rapid.IntRange(0, 20).Draw(t, "available"))
	}
	var claims []claim
	for i := range rapid.IntRange(0, most).Draw(t, "claims") {
		c := claim{n: int64(i + 1), from: rapid.SampledFrom(wallets).Draw(t, "from"),
			to: rapid.SampledFrom(append(wallets, "")).Draw(t, "to")}
		c.amount = money.Ore(rapid.IntRange(1, 25).Draw(t, "amount"))
		if c.to != c.from {
			claims = append(claims, c)
		}
	}
	return claims, available
}

// TestNettingIsLargest compares with all subsets of the whole, without components.
func TestNettingIsLargest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims, available := drawClaims(t, 9)
		chosen := netting(claims, available)
		require.True(t, settleable(chosen, available))
		most := 0
		for mask := range 1 << len(claims) {
			var subset []claim
			for i, c := range claims {
				if mask&(1<<i) != 0 {
					subset = append(subset, c)
				}
			}
			if len(subset) > most && settleable(subset, available) {
				most = len(subset)
			}
		}
		require.Len(t, chosen, most)
	})
}

// TestNettingOfManyIsSafe: nobody ends below zero, nothing that fits alone is left, and a whole
// that can be settled is.
func TestNettingOfManyIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims, available := drawClaims(t, 60)
		chosen := netting(claims, available)
		balance := map[message.DeviceID]money.Ore{}
		for wallet, holds := range available {
			balance[wallet] = holds
		}
		in := map[int64]bool{}
		for _, c := range chosen {
			require.False(t, in[c.n], "chosen twice")
			in[c.n] = true
			balance[c.from] -= c.amount
			balance[c.to] += c.amount
		}
		for wallet := range available {
			require.GreaterOrEqual(t, balance[wallet], money.Ore(0), wallet)
		}
		for _, c := range claims {
			require.True(t, in[c.n] || balance[c.from] < c.amount, "claim %d fits and was left",
				c.n)
		}
		if settleable(claims, available) {
			require.Len(t, chosen, len(claims))
		}
	})
}

// TestRingsMoveOneAfterTheOther: what can be settled together can be settled in the groups that
// inRings makes of it, one after the other; and no two wallets are in one that do not pay each
// other, directly or by others.
func TestRingsMoveOneAfterTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims, balance := drawClaims(t, 12)
		claims = netting(claims, balance)
		type pair [2]message.DeviceID
		reaches := map[pair]bool{}
		for _, c := range claims {
			reaches[pair{c.from, c.to}] = true
		}
		for _, by := range []message.DeviceID{"A", "B", "C", "D", "E"} {
			for from := range balance {
				for to := range balance {
					if reaches[pair{from, by}] && reaches[pair{by, to}] {
						reaches[pair{from, to}] = true
					}
				}
			}
		}
		settled := 0
		for _, group := range inRings(claims) {
			require.True(t, settleable(group, balance), "%v of %v", group, balance)
			for _, c := range group {
				settled++
				balance[c.from] -= c.amount
				balance[c.to] += c.amount
				for _, other := range group {
					require.True(t, c.from == other.from ||
						reaches[pair{c.from, other.from}])
				}
			}
		}
		require.Equal(t, len(claims), settled)
	})
}

// TestManyRingsAreManyParts: rings that one claim after the other hangs together do not wait for
// each other, and a ring of a whole country is followed to its end.
func TestManyRingsAreManyParts(t *testing.T) {
	const rings, wallets = 1_000, 10
	var claims []claim
	wallet := func(n int) message.DeviceID { return message.DeviceID(fmt.Sprint("W", n)) }
	owe := func(from, to int, amount money.Ore) {
		claims = append(claims, claim{n: int64(len(claims) + 1), from: wallet(from),
			to: wallet(to), amount: amount})
	}
	for r := range rings {
		for n := range wallets {
			owe(r*wallets+n, r*wallets+(n+1)%wallets, 10)
		}
	}
	available := map[message.DeviceID]money.Ore{}
	for r := range rings - 1 { // has 1 for the next ring, and not the 10 for its own
		available[wallet(r*wallets)] = 1
		owe(r*wallets, (r+1)*wallets, 1)
	}
	require.Len(t, components(claims), 1)
	moved := 0
	for _, part := range inParts(claims, available, maxTogether) {
		require.LessOrEqual(t, len(part), maxTogether+wallets)
		require.True(t, settleable(part, available))
		for _, c := range part {
			available[c.from] -= c.amount
			available[c.to] += c.amount
			moved++
		}
	}
	require.Equal(t, len(claims), moved)

	claims = nil
	const country = 100_000
	for n := range country {
		owe(n, (n+1)%country, 10)
	}
	require.Len(t, inRings(claims), 1)
}
