package lab

import "time"

// showPause is how long work that takes its time is silent about how far it has come.
const showPause = 5 * time.Second

// due returns a function that reports whether it is time to show how far work has come: the pause
// is over since it last said so.
func due() func() bool {
	shown := time.Now()
	return func() bool {
		if time.Since(shown) < showPause {
			return false
		}
		shown = time.Now()
		return true
	}
}
