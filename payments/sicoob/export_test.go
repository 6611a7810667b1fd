package sicoob

import (
	"bytes"

	"pdvagent/payments/boleto"
)

// ReadAnswer reads the answer of a download.
func ReadAnswer(answer []byte, each func(boleto.Return) error) error {
	archive, err := unpack(bytes.NewReader(answer))
	if err != nil {
		return err
	}
	_, err = readArchive(archive, each)
	return err
}
