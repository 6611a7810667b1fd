package evidence

import "os"

// Resign signs the files of a report as they are, with another signer.
func Resign(files Files, report Report, signer *Signer) (Files, error) {
	text, err1 := os.ReadFile(files.JSON)
	page, err2 := os.ReadFile(files.HTML)
	pdf, err3 := os.ReadFile(files.PDF)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return files, err
		}
	}
	content, err := encode(report.seal(text, page, pdf, nil))
	if err != nil {
		return files, err
	}
	signed, err := signer.sign(content)
	if err != nil {
		return files, err
	}
	return files, os.WriteFile(files.Signed, signed, 0o600)
}
