package vm

// remembered are results that natives have computed, by what they were computed of.
type remembered map[string]any

// maxRemembered is how many results a machine keeps before it forgets them all.
const maxRemembered = 4096

// Remember has the machine keep what natives give [Call.Remembered], from now on: for whoever
// sends the same commands again and again. It changes no result, only how long it takes.
func (v *VM) Remember() {
	if v.results == nil {
		v.results = remembered{}
	}
}

// Remembered returns the result of a computation that depends on nothing but what of names. It
// computes unless the machine remembers and has the result.
func (c *Call) Remembered(of func() string, compute func() any) any {
	if c.vm.results == nil {
		return compute()
	}
	name := of()
	if result, known := c.vm.results[name]; known {
		return result
	}
	result := compute()
	if len(c.vm.results) >= maxRemembered {
		clear(c.vm.results)
	}
	c.vm.results[name] = result
	return result
}
