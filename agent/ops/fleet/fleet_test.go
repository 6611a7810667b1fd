package fleet_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/ops/fleet"
)

const head = "loja;caixa;maquina;principal;sistema\n"

func TestInventoriesAsPeopleAndExcelWriteThem(t *testing.T) {
	for name, text := range map[string]string{
		"semicolons":          head + "001;001;CAIXA001;sim;windows\n001;002;CAIXA002;não;\n",
		"commas":              "loja,caixa,maquina,principal,sistema\n001,001,CAIXA001,S,Windows 10\n001,002,CAIXA002,,\n",
		"a byte order mark":   "\ufeff" + head + "001;001;CAIXA001;sim;\r\n001;002;CAIXA002;não;\r\n",
		"windows-1252":        "loja;caixa;m\xe1quina;principal\n001;001;CAIXA001;sim\n001;002;CAIXA002;n\xe3o\n",
		"sep= and empty rows": "sep=;\r\n" + head + ";;;;\r\n001;001;CAIXA001;1;\r\n001;002;CAIXA002;0;\r\n;;;;\r\n",
		"formulas and quotes": head + "=\"001\";'001;\"CAIXA001\";X;\n\"=\"\"001\"\"\";=002;\\\\CAIXA002;;\n",
		"cells left off":      head + "001;001;CAIXA001;sim\n001;002;CAIXA002\n",
		"English headings":    "shop;till;machine;primary;\n001;001;CAIXA001;true;\n001;002;CAIXA002;false;\n",
	} {
		t.Run(name, func(t *testing.T) {
			tills, err := fleet.ReadInventory("caixas.csv", []byte(text))
			if err != nil {
				t.Fatal(agent.Sentence(err))
			}
			if len(tills) != 2 || tills[0].Name() != "001-001" || tills[1].Name() != "001-002" || !tills[0].Primary || tills[1].Primary || tills[1].Machine != "CAIXA002" {
				t.Errorf("they are %+v", tills)
			}
		})
	}
}

func TestABadInventoryIsSaidByLineAndColumn(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"nothing":                 {"", "caixas.csv, linha 1: falta a coluna loja"},
		"headings alone":          {head, "não tem nenhum caixa"},
		"no headings":             {"001;001;CAIXA001;sim\n", "linha 1, coluna 001: este título não é conhecido"},
		"a column that is absent": {"loja;caixa;principal\n001;001;sim\n", "linha 1: falta a coluna maquina"},
		"a column twice":          {"loja;caixa;pdv;maquina;principal\n", "linha 1, coluna pdv: esta coluna está duas vezes"},
		"an unknown column":       {"loja;caixa;maquina;principal;cor\n", "linha 1, coluna cor: este título não é conhecido"},
		"a token":                 {"loja;caixa;maquina;principal;Token da loja\n", "linha 1, coluna Token da loja: o token não pode estar na planilha"},
		"a column of a warehouse": {head + strings.Repeat("001;001;A;sim;\n", 5001), "caixas.csv tem 5001 linhas; são no máximo 5000 de cada vez."},
		"a till twice":            {head + "001;001;A;sim;\n001;002;B;;\n001;002;C;;\n", "linha 4, coluna caixa: o caixa 002 da loja 001 já está na linha 3."},
		"a machine twice":         {head + "001;001;A1;sim;\n001;002;a1;;\n", "linha 3, coluna maquina: a máquina a1 já está na linha 2."},
		"two primaries":           {head + "001;001;A;sim;\n001;002;B;sim;\n", "linha 3, coluna principal: a loja 001 já tem o caixa principal 001 (linha 2)"},
		"no primary":              {head + "001;001;A;sim;\n\n002;001;B;;\n", "linha 4, coluna principal: a loja 002 não tem caixa principal"},
		"no shop":                 {head + "001;001;A;sim;\n;002;B;;\n", "linha 3, coluna loja: está vazia."},
		"no machine":              {head + "001;001;;sim;\n", "linha 2, coluna maquina: está vazia."},
		"neither yes nor no":      {head + "001;001;A;talvez;\n", `linha 2, coluna principal: "talvez" não diz se o caixa é o principal`},
		"another system":          {head + "001;001;A;sim;DOS\n", `linha 2, coluna sistema: "DOS" não é um sistema conhecido`},
		"a code with an accent":   {head + "Açaí;001;A;sim;\n", `linha 2, coluna loja: "Açaí" não serve de código`},
		"a command for a machine": {head + "001;001;A&calc;sim;\n", `linha 2, coluna maquina: "A&calc" não é o nome nem o endereço`},
		"an exponent":             {head + "1,2E+10;001;A;sim;\n", "linha 2, coluna loja: a planilha trocou o código por um número com expoente"},
		"zeros that are lost":     {head + "001;001;A;sim;\n001;2;B;;\n", "linha 3, coluna caixa: a planilha parece ter tirado zeros: há 2 aqui e 001 na linha 2"},
		"a cell too many":         {head + "001;001;A;sim;;;x\n", "linha 2: há 7 campos, e os títulos são 5"},
		"a quote left open":       {head + "001;\"001;A;sim;\n", "linha 2: uma aspa foi aberta e não foi fechada"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fleet.ReadInventory("caixas.csv", []byte(c.text))
			if err == nil || !strings.Contains(agent.Sentence(err), c.says) || strings.Count(agent.Sentence(err), "\n") > 0 {
				t.Errorf("it says %v", agent.Sentence(err))
			}
		})
	}
}

// prepared writes the folder of some tills of one system.
func prepared(t *testing.T, system string, count int) string {
	t.Helper()
	text := head
	for n := range count {
		primary := ""
		if n == 0 {
			primary = "sim"
		}
		text += fmt.Sprintf("001;%03d;CAIXA%03d;%s;%s\n", n+1, n+1, primary, system)
	}
	tills, err := fleet.ReadInventory("caixas.csv", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "instalacao")
	if _, err := fleet.Write(dir, tills, fleet.Places{Setup: `\\servidor\implantacao\setup.exe`, Package: "pdvagent.deb"}, map[string]string{"001": "segredo"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAnswersArePrivateAndNoOtherFileHasTheToken(t *testing.T) {
	for _, system := range []string{"windows", "linux"} {
		dir := prepared(t, system, 2)
		files := 0
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			answers := filepath.Base(filepath.Dir(path)) == "respostas"
			if answers {
				files++
			}
			if strings.Contains(string(content), "segredo") != answers {
				t.Errorf("%s: the token is where it should not be, or is not", path)
			}
			if info, err := entry.Info(); err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
				t.Errorf("%s has %v", path, info.Mode())
			}
			return nil
		})
		if err != nil || files != 2 {
			t.Errorf("%d answers, %v", files, err)
		}
		if _, err := fleet.Write(dir, nil, fleet.Places{Setup: "a", Package: "b"}, nil); agent.CodeOf(err) != agent.CodeConflict {
			t.Errorf("a second time: %v", err)
		}
	}
}

// ssh plays the tills: it keeps what is copied below a folder of the machine's name and answers as the agent would. CAIXA007 cannot
// be reached, CAIXA008's installer fails, CAIXA009 answers as another till.
const ssh = `#!/bin/sh
[ "$1" = -n ] && shift
maquina=${1#root@} caixa=${1#root@CAIXA}
echo "$maquina: $2" >>"$PLAYED/calls"
[ "$maquina" = CAIXA007 ] && exit 255
case "$2" in
*pdvagent-install.json) case "$2" in rm*) rm -f "$PLAYED/$maquina.answers" ;; *) cat >"$PLAYED/$maquina.answers" ;; esac ;;
"cat >/root/pdvagent.deb") cat >/dev/null ;;
rm*) rm -f "$PLAYED/$maquina.answers" ;;
apt-get*) [ "$maquina" != CAIXA008 ] && cp "$PLAYED/$maquina.answers" "$PLAYED/$maquina.installed" ;;
*) [ -f "$PLAYED/$maquina.installed" ] || exit 3
  case "$2" in
  *config*) [ "$maquina" = CAIXA009 ] && caixa=099
    primary=false; grep -q '"primary": "true"' "$PLAYED/$maquina.installed" && primary=true
    echo "{\"shop\":{\"id\":\"001\",\"till\":\"$caixa\",\"primary\":$primary}}" ;;
  *status*) echo '{"version":"1.4.0","online":true}' ;;
  esac ;;
esac
`

func TestTheShellScriptInstallsAndChecksEveryTill(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it is a script for sh")
	}
	dir, played := prepared(t, "linux", 10), t.TempDir()
	for name, content := range map[string]string{filepath.Join(played, "ssh"): ssh, filepath.Join(dir, "pdvagent.deb"): "a package"} {
		if err := os.WriteFile(name, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	run := func() string {
		script := exec.CommandContext(t.Context(), "sh", filepath.Join(dir, "instalar.sh"))
		script.Env = append(os.Environ(), "PLAYED="+played, "PATH="+played+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := script.CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		return string(out)
	}
	run()
	checkEvery(t, dir)
	if left, _ := filepath.Glob(filepath.Join(played, "*.answers")); len(left) != 0 {
		t.Errorf("on the tills are still %q", left)
	}
	if out := run(); strings.Count(out, "respondeu antes") != 8 {
		t.Errorf("the second time it says %s", out)
	}
}

// checkEvery holds the answers of ten tills against what the played ones are.
func checkEvery(t *testing.T, dir string) {
	t.Helper()
	answers, err := fleet.Check(dir)
	if err != nil {
		t.Fatal(err)
	}
	primaries := 0
	for _, a := range answers {
		want := "responde, em contato com a Mercafácil"
		switch a.Machine {
		case "CAIXA007":
			want = "o instalador terminou com 255; veja instalacao.log na máquina"
		case "CAIXA008":
			want = "o instalador terminou com 1; veja instalacao.log na máquina"
		case "CAIXA009":
			want = "responde como caixa 099 da loja 001"
		}
		if a.Says != want || a.Right != (want == "responde, em contato com a Mercafácil") {
			t.Errorf("%s: %+v", a.Machine, a)
		}
		if a.Primary && a.Right {
			primaries++
		}
	}
	if len(answers) != 10 || primaries != 1 {
		t.Errorf("%d answers, %d primaries", len(answers), primaries)
	}
	left, err := filepath.Glob(filepath.Join(dir, "respostas", "*.json"))
	if err != nil || len(left) != 2 { // those that were not installed
		t.Errorf("of the answers are left %q, %v", left, err)
	}
}

func TestAPrimaryThatShouldNotBeOneIsSaid(t *testing.T) {
	dir := prepared(t, "windows", 2)
	for end, content := range map[string]string{".codigo": "0 \r\n", ".config": "\ufeff{\"shop\":{\"id\":\"001\",\"till\":\"002\",\"primary\":true}}\r\n", ".situacao": "\ufeff{\"version\":\"1.4.0\",\"online\":false}"} {
		if err := os.WriteFile(filepath.Join(dir, "resultados", "001-002"+end), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	answers, err := fleet.Check(dir)
	if err != nil || answers[1].Right || !strings.Contains(answers[1].Says, "é o caixa principal e não devia ser") || answers[0].Says != "ainda não instalado" {
		t.Errorf("%+v %v", answers[:2], err)
	}
}

// psexec plays the tills for cmd.exe: it notes how it is called and answers as the agent would.
const psexec = "@echo off\r\n" +
	"echo %3 %5 %6 %7>>\"%PLAYED%\\calls.txt\"\r\n" +
	"set maquina=%3\r\n" +
	"if \"%~6\"==\"/S\" if \"%maquina:~-3%\"==\"003\" goto fails\r\n" +
	"if \"%~6\"==\"config\" if \"%maquina:~-3%\"==\"001\" echo {\"shop\":{\"id\":\"001\",\"till\":\"001\",\"primary\":true}}\r\n" +
	"if \"%~6\"==\"config\" if \"%maquina:~-3%\"==\"002\" echo {\"shop\":{\"id\":\"001\",\"till\":\"002\",\"primary\":false}}\r\n" +
	"if \"%~6\"==\"status\" if \"%maquina:~-3%\"==\"003\" exit /b 3\r\n" +
	"if \"%~6\"==\"status\" echo {\"version\":\"1.4.0\",\"online\":true}\r\n" +
	"exit /b 0\r\n" +
	":fails\r\nexit /b 5\r\n" // wine's call makes it 1

// .ci/wine.sh runs it in the cmd.exe of wine.
func TestTheBatchFileInstallsAndChecks(t *testing.T) {
	const wine = "/usr/lib/wine/wine64"
	if os.Getenv("WINEPREFIX") == "" { // to make one takes long
		t.Skip("without WINEPREFIX: .ci/wine.sh has one")
	}
	dir := prepared(t, "windows", 3)
	if err := os.WriteFile(filepath.Join(dir, "psexec.bat"), []byte(psexec), 0o600); err != nil {
		t.Fatal(err)
	}
	script := exec.CommandContext(t.Context(), wine, "cmd", "/c", "instalar.bat")
	script.Dir = dir
	script.Env = append(os.Environ(), `PLAYED=.`)
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(calls), `"\\servidor\implantacao\setup.exe" /S`); got != 3 || strings.Count(string(calls), "\n") != 15 {
		t.Errorf("it calls %s", calls)
	}
	answers, err := fleet.Check(dir)
	if err != nil || !answers[0].Right || !answers[1].Right || !strings.HasPrefix(answers[2].Says, "o instalador terminou com ") {
		t.Errorf("%+v %v", answers, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "respostas", "*.json")); err != nil || len(left) != 1 {
		t.Errorf("of the answers are left %q, %v", left, err)
	}
}
