package settlement

import (
	"ekrona.example/host/notary"
	"ekrona.example/host/remote"
)

// checkTexts refuses a text that cannot be kept as it is.
func checkTexts[T ~string](texts ...T) error {
	for _, text := range texts {
		if err := remote.CheckText(string(text)); err != nil {
			return notary.Refuse(notary.Malformed, "%v", err)
		}
	}
	return nil
}

// checkOrder refuses an order key that no statement could carry.
func checkOrder(order notary.OrderKey) error {
	if _, err := notary.ParseOrderKey(string(order)); err != nil {
		return notary.Refuse(notary.Malformed, "%v", err)
	}
	return nil
}
