package trace_test

import (
	"fmt"

	"ekrona.example/apdu/trace"
)

// The bytes of an exchange become a conversation; an application's own vocabulary adds its names.
func ExampleText() {
	e := trace.New().Bytes([]byte("\x00\xA4\x04\x00\x07\xF0HELLO\x01"), []byte{0x90, 0x00})
	fmt.Print(trace.Text{}.Exchange(e))
	// Output:
	// > SELECT
	//   AID                    F048454C4C4F01
	// < 9000 OK
}
