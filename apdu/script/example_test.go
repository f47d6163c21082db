package script_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
)

// A script is a test: each line a command, and what must come.
func ExampleVocabulary_Run() {
	names := script.Vocabulary{}
	lines, err := names.ParseAll(strings.NewReader(`
# a card that says hello
80020000 00 -> 9000 : 4869
80020000 00 -> 6A82 | 6A83
`))
	if err != nil {
		log.Fatal(err)
	}
	card := apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
		return apdu.Response{Data: []byte("Hi"), SW: apdu.OK}, nil
	})
	for _, line := range lines {
		_, err := names.Run(context.Background(), card, line.Step)
		fmt.Println(line.Number, err)
	}
	// Output:
	// 3 <nil>
	// 4 expected status 6A82 | 6A83, got 9000 OK
}
