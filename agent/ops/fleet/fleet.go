// Package fleet installs many tills in a day: it reads a person's inventory, writes a private file of answers for each till and the
// scripts that install and check them, and tells afterwards what each till answered. It connects to nothing itself: psexec and
// ssh do, in the scripts.
package fleet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
)

// Till is a line of the inventory.
type Till struct {
	Line    int    `json:"-"`
	Shop    string `json:"shop"`
	Till    string `json:"till"`
	Machine string `json:"machine"` // name or address in the network
	Linux   bool   `json:"linux"`
	Primary bool   `json:"primary"`

	More map[string]string `json:"-"` // further answers of the installation, by their key
}

// Name is the name of the till's files.
func (t *Till) Name() string { return t.Shop + "-" + t.Till }

// The columns, by what they mean.
const (
	shop    = "loja"
	till    = "caixa"
	machine = "maquina"
	primary = "principal"
	system  = "sistema"
)

// columns are the headings that are understood, without accents, spaces and signs.
func columns() map[string]string {
	return map[string]string{
		"loja": shop, "shop": shop, "codigodaloja": shop, "caixa": till, "pdv": till, "till": till, "codigodocaixa": till,
		"maquina": machine, "computador": machine, "host": machine, "machine": machine, "principal": primary, "primary": primary, "sistema": system, "system": system,
		"endereco": "base_url", "baseurl": "base_url", "dialeto": "dialect", "dialect": "dialect", "versaopdv": "pdv_version", "pdvversion": "pdv_version",
		"escuta": "listen", "listen": "listen", "pastadosdados": "data_dir", "datadir": "data_dir",
	}
}

// plain is a heading without case, accents, spaces and signs.
func plain(heading string) string {
	folded := strings.NewReplacer("á", "a", "ã", "a", "â", "a", "ç", "c", "é", "e", "ê", "e", "í", "i", "ó", "o", "õ", "o", "ú", "u").Replace(strings.ToLower(heading))
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, folded)
}

// inventory is a file that is being read.
type inventory struct {
	name    string
	columns []string // as they stand
	meaning []string // of each
	tills   []Till
}

// maxTills bounds an inventory: each line is held against all before it.
const maxTills = 5000

// ReadInventory reads a person's table: one till a line, exactly one primary a shop. The first thing that is wrong is said with
// its line and column.
func ReadInventory(name string, content []byte) ([]Till, error) {
	table, err := source.ReadTable(content)
	if err != nil {
		return nil, agent.Errorf(agent.CodeInvalid, nil, "%s não se lê como uma planilha em CSV: %s.", name, agent.Cause(err))
	}
	if len(table.Rows) > maxTills {
		return nil, agent.Errorf(agent.CodeInvalid, nil, "%s tem %d linhas; são no máximo %d de cada vez.", name, len(table.Rows), maxTills)
	}
	in := &inventory{name: name, columns: table.Columns}
	if err := in.headings(table.Line); err != nil {
		return nil, err
	}
	for _, row := range table.Rows {
		if err := in.row(row); err != nil {
			return nil, err
		}
	}
	if len(in.tills) == 0 {
		return nil, agent.Errorf(agent.CodeInvalid, nil, "%s não tem nenhum caixa: escreva um por linha, abaixo dos títulos.", name)
	}
	return in.tills, in.primaries()
}

func (in *inventory) headings(line int) error {
	for i, heading := range in.columns {
		meaning := columns()[plain(heading)]
		switch {
		case strings.Contains(plain(heading), "token"):
			return in.wrong(line, heading, "o token não pode estar na planilha; ponha o de cada loja em um arquivo (--tokens)")
		case meaning == "" && strings.TrimSpace(heading) != "":
			return in.wrong(line, heading, "este título não é conhecido; os que há são loja, caixa, maquina, principal, sistema, endereco, dialeto, versao_pdv, escuta e pasta_dos_dados")
		case meaning != "" && slices.Contains(in.meaning, meaning):
			return in.wrong(line, heading, "esta coluna está duas vezes; apague uma")
		}
		in.meaning = append(in.meaning, meaning)
		in.columns[i] = strings.TrimSpace(heading)
	}
	for _, needed := range []string{shop, till, machine, primary} {
		if !slices.Contains(in.meaning, needed) {
			return agent.Errorf(agent.CodeInvalid, nil, "%s, linha %d: falta a coluna %s; a primeira linha tem os títulos, por exemplo loja;caixa;maquina;principal.", in.name, max(line, 1), needed)
		}
	}
	return nil
}

// wrong is a fault at a place.
func (in *inventory) wrong(line int, column, format string, args ...any) error {
	return agent.Errorf(agent.CodeInvalid, nil, "%s, linha %d, coluna %s: %s.", in.name, line, column, fmt.Sprintf(format, args...))
}

// column is the heading of a meaning, as it stands.
func (in *inventory) column(meaning string) string {
	return in.columns[slices.Index(in.meaning, meaning)]
}

var (
	code = regexp.MustCompile(`^[0-9A-Za-z_-]{1,20}$`) // without what a shell or a file name would read
	host = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,62}$`)
)

func (in *inventory) row(row source.Row) error {
	if row.Fault != nil {
		return agent.Errorf(agent.CodeInvalid, nil, "%s, linha %d: %s.", in.name, row.Line, row.Fault.Detail)
	}
	if len(row.Values) > len(in.columns) { // fewer are what a spreadsheet leaves of empty cells
		return agent.Errorf(agent.CodeInvalid, nil, "%s, linha %d: há %d campos, e os títulos são %d; um texto com o separador fica entre aspas.", in.name, row.Line, len(row.Values), len(in.columns))
	}
	read := Till{Line: row.Line, More: make(map[string]string)}
	for i, value := range row.Values {
		if err := in.field(&read, in.meaning[i], in.columns[i], strings.TrimSpace(value)); err != nil {
			return err
		}
	}
	if err := in.complete(&read); err != nil {
		return err
	}
	in.tills = append(in.tills, read)
	return nil
}

// field reads one cell.
func (in *inventory) field(read *Till, meaning, column, value string) error {
	switch meaning {
	case "":
		if value != "" {
			return in.wrong(read.Line, "sem título", "há um texto numa coluna sem título")
		}
	case shop, till:
		text, err := source.Code(value)
		if err != nil {
			return in.wrong(read.Line, column, "%s", agent.Cause(err))
		}
		if text != "" && !code.MatchString(text) {
			return in.wrong(read.Line, column, "%q não serve de código; use até 20 letras sem acento, números, - e _", text)
		}
		if meaning == shop {
			read.Shop = text
		} else {
			read.Till = text
		}
	case machine:
		if read.Machine = strings.TrimPrefix(value, `\\`); read.Machine != "" && !host.MatchString(read.Machine) {
			return in.wrong(read.Line, column, "%q não é o nome nem o endereço de uma máquina", value)
		}
	case primary, system:
		return in.choice(read, meaning, column, value)
	default:
		if value != "" {
			read.More[meaning] = value
		}
	}
	return nil
}

func (in *inventory) choice(read *Till, meaning, column, value string) error {
	word := plain(value)
	switch {
	case meaning == primary && slices.Contains([]string{"sim", "s", "x", "true", "verdadeiro"}, word), meaning == primary && value == "1":
		read.Primary = true
	case meaning == primary && (slices.Contains([]string{"nao", "n", "false", "falso"}, word) || value == "" || value == "0"):
	case meaning == system && word == "linux":
		read.Linux = true
	case meaning == system && (value == "" || strings.HasPrefix(word, "windows")):
	case meaning == primary:
		return in.wrong(read.Line, column, "%q não diz se o caixa é o principal; escreva sim ou não", value)
	default:
		return in.wrong(read.Line, column, "%q não é um sistema conhecido; escreva windows ou linux", value)
	}
	return nil
}

// complete holds a till against itself and those before it.
func (in *inventory) complete(read *Till) error {
	for _, needed := range []struct{ meaning, value string }{{shop, read.Shop}, {till, read.Till}, {machine, read.Machine}} {
		if needed.value == "" {
			return in.wrong(read.Line, in.column(needed.meaning), "está vazia")
		}
	}
	for _, other := range in.tills {
		switch {
		case other.Shop == read.Shop && other.Till == read.Till:
			return in.wrong(read.Line, in.column(till), "o caixa %s da loja %s já está na linha %d", read.Till, read.Shop, other.Line)
		case strings.EqualFold(other.Machine, read.Machine):
			return in.wrong(read.Line, in.column(machine), "a máquina %s já está na linha %d", read.Machine, other.Line)
		case strings.EqualFold(other.Name(), read.Name()):
			return in.wrong(read.Line, in.column(till), "%s e %s (linha %d) só diferem em maiúsculas", read.Name(), other.Name(), other.Line)
		case other.Shop == read.Shop && other.Primary && read.Primary:
			return in.wrong(read.Line, in.column(primary), "a loja %s já tem o caixa principal %s (linha %d); deixe um só", read.Shop, other.Till, other.Line)
		case lostZeros(other.Shop, read.Shop):
			return in.wrong(read.Line, in.column(shop), "a planilha parece ter tirado zeros: há %s aqui e %s na linha %d; formate a coluna como texto", read.Shop, other.Shop, other.Line)
		case other.Shop == read.Shop && lostZeros(other.Till, read.Till):
			return in.wrong(read.Line, in.column(till), "a planilha parece ter tirado zeros: há %s aqui e %s na linha %d; formate a coluna como texto", read.Till, other.Till, other.Line)
		}
	}
	return nil
}

// lostZeros tells that of two codes of digits one has leading zeros and the other is shorter.
func lostZeros(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	digits := func(text string) bool { return strings.Trim(text, "0123456789") == "" }
	return len(a) > len(b) && digits(a) && digits(b) && a[0] == '0'
}

// primaries refuses a shop without a primary till.
func (in *inventory) primaries() error {
	for _, first := range in.tills {
		if !slices.ContainsFunc(in.tills, func(t Till) bool { return t.Shop == first.Shop && t.Primary }) {
			return in.wrong(first.Line, in.column(primary), "a loja %s não tem caixa principal; escreva sim em um, e só um, dos caixas dela", first.Shop)
		}
	}
	return nil
}
