package flows

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/host/money"
)

func TestLoadPayAtATillAndSynchroniseInEitherOrder(t *testing.T) {
	for _, first := range []string{"payer", "shop"} {
		t.Run(first+" first", func(t *testing.T) {
			w := newWorld(t)
			anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
			till := w.addTill("SEFJORDB")
			w.audit("issued")
			w.load(anna, 200*money.Krona)
			require.Equal(t, 200*money.Krona, w.offline(anna))
			require.Equal(t, 300*money.Krona, w.online(anna))

			sale, err := till.Ask(w.ctx, 45*money.Krona)
			require.NoError(t, err)
			receipt, err := till.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
			require.NoError(t, err)
			again, err := till.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
			require.NoError(t, err)
			assert.Equal(t, receipt, again, "a paid sale gives its Receipt")
			w.audit("paid")
			require.Equal(t, 155*money.Krona, w.offline(anna))

			if first == "payer" {
				w.sync(anna)
				w.audit("payer synchronised")
				assert.Zero(t, w.taken(), "reserved until the shop speaks")
			}
			_, err = till.Synchronise(w.ctx)
			require.NoError(t, err)
			w.audit("shop synchronised")
			assert.Equal(t, 45*money.Krona, w.taken())
			w.agree()
			assert.Equal(t, 155*money.Krona, w.offline(anna))
		})
	}
}
