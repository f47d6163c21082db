package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"ekrona.example/host/clock"
)

func TestClocks(t *testing.T) {
	noon := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	assert.Equal(t, noon, clock.Fixed(noon).Now())
	m := &clock.Manual{At: noon}
	m.At = m.At.Add(time.Hour)
	assert.Equal(t, noon.Add(time.Hour), m.Now())
	assert.Equal(t, clock.System{}, clock.OrSystem(nil))
	assert.Same(t, m, clock.OrSystem(m))
	synctest.Test(t, func(t *testing.T) { // whose time moves only when all sleep
		assert.Equal(t, time.Now(), clock.System{}.Now())
	})
}
