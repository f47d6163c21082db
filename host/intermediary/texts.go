package intermediary

import (
	"ekrona.example/host/banking"
	"ekrona.example/host/remote"
)

// checkTexts refuses a text that cannot be kept as it is.
func checkTexts[T ~string](texts ...T) error {
	for _, text := range texts {
		if err := remote.CheckText(string(text)); err != nil {
			return banking.Refuse(banking.ErrMalformed, "intermediary: %v", err)
		}
	}
	return nil
}
