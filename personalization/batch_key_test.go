package personalization

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu/message"
)

func TestBatchOfACard(t *testing.T) {
	for _, c := range []struct {
		device, named message.DeviceID
		size          int
		batch         message.DeviceID
	}{
		{device: "SENORDICC0000001", batch: "SENORDICB0000001"},
		{device: "SENORDICC0010000", batch: "SENORDICB0000001"},
		{device: "SENORDICC0010001", batch: "SENORDICB0000002"},
		{device: "SENORDICC9999999", batch: "SENORDICB0001000"},
		{device: "SENORDICC0000004", size: 3, batch: "SENORDICB0000002"},
		{device: "SENORDICC0000000", size: 3, batch: "SENORDICB0000001"},
		{device: "SENORDICSPECIALX", batch: "SENORDICB0000001"},
		{device: "SENORDICC0010001", named: "SENORDICB0000007", batch: "SENORDICB0000007"},
	} {
		assert.Equal(t, c.batch,
			Issuer{BatchSize: c.size}.batchOf(Order{Device: c.device, Batch: c.named}), c)
	}
}
