#Requires -Version 5.1
<#
  Aceitação do pdvagent num Windows de verdade: o que o ensaio com wine não alcança. Roda-se numa máquina de teste com Windows 10
  ou 11 (de preferência uma máquina virtual com instantâneo), num PowerShell aberto "como administrador":

    powershell -ExecutionPolicy Bypass -File aceitacao.ps1 -Setup .\pdvagent_1.1.0_windows_amd64_setup.exe -SetupAnterior .\pdvagent_1.0.0_windows_amd64_setup.exe `
      -Msi .\pdvagent_1.1.0_windows_amd64.msi -MsiAnterior .\pdvagent_1.0.0_windows_amd64.msi -SetupDefeituoso .\pdvagent_1.2.0_windows_amd64_setup.exe

  Leva uns 15 minutos. Depois o script pede que a máquina seja reiniciada e que se rode: aceitacao.ps1 -Etapa reinicio
  e por fim, numa máquina que hiberna:                                                    aceitacao.ps1 -Etapa hibernacao
  As três etapas escrevem no mesmo relatório, aceitacao-MAQUINA.txt na pasta do script: é ele que se envia. Não há dados pessoais nele.
  O que falta (sem -Msi, sem antivírus) aparece como NÃO FEITO e não reprova. Código de saída: 0 tudo certo, 1 algo FALHOU, 2 uso errado.

  A máquina não pode ter um pdvagent em uso: o script instala, mata, suspende, atualiza e no fim apaga tudo. Ele cria e remove o
  usuário comum pdvagent-teste.

  O que verifica, na ordem em que escreve:
    pasta plantada     uma pasta %ProgramData%\pdvagent que um usuário comum fez, com arquivos: recusada, e nada dela usado; uma vazia dele: tomada, e
                       ele não grava mais nela
    instalação         silenciosa, até a primeira resposta em 5 s
    serviço            conta própria, caminho entre aspas, início atrasado, reinício em 1, 5 e 30 s, preshutdown, origem no log de eventos
    direitos           dono e acessos de cada arquivo dos dados; usuários comuns não gravam no programa, não leem configuração nem dados
    quedas             morto três vezes: volta, com a fila inteira e sem processos a mais; travado: o vigia age depois de 40 s; parado: nada sobra
    antivírus          vende durante a varredura da pasta de dados pelo Defender; os dados conferem depois
    atualização        com a fila cheia; uma versão que não inicia dá lugar à anterior; o mesmo pelo .msi, e mais velha recusada, reparo, remoção
    doctor             responde
    -Etapa reinicio    o serviço volta sozinho, o Windows esperou por ele, a fila está inteira
    -Etapa hibernacao  o mesmo processo segue, o vigia não contou o sono; limpeza
#>
[CmdletBinding()]
param(
  [ValidateSet('completa', 'reinicio', 'hibernacao')] [string] $Etapa = 'completa',
  [string] $Setup,
  [string] $SetupAnterior,
  [string] $SetupDefeituoso,
  [string] $Msi,
  [string] $MsiAnterior,
  [string] $Relatorio = (Join-Path $PSScriptRoot "aceitacao-$env:COMPUTERNAME.txt")
)

Set-StrictMode -Version 2.0
[Console]::OutputEncoding = [System.Text.Encoding]::UTF8
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue' # a barra de Invoke-WebRequest atrasa cada chamada
$Servico = 'pdvagent'
$Porta = '127.0.0.1:8780'
$Dados = Join-Path $env:ProgramData 'pdvagent'
$Programas = Join-Path $env:ProgramFiles 'pdvagent'
$Programa = Join-Path $Programas 'pdvagent.exe'
$Comum = 'pdvagent-teste' # o usuário comum
$Falhas = 0

# --- o relatório ---------------------------------------------------------------------------------------------------------------

function Escrever([string] $Linha) {
  Write-Host $Linha
  Add-Content -LiteralPath $Relatorio -Value $Linha -Encoding UTF8
}

# Verificar roda um bloco. Uma exceção é uma falha; a última coisa que o bloco devolve é o detalhe da linha.
function Verificar([string] $Nome, [scriptblock] $Bloco) {
  $inicio = Get-Date
  try {
    $detalhe = & $Bloco | Select-Object -Last 1
    $resultado = 'OK'
  } catch {
    $detalhe = $_.Exception.Message
    if ($detalhe.StartsWith('NÃO FEITO: ')) {
      $resultado = 'NÃO FEITO'
      $detalhe = $detalhe.Substring(11)
    } else {
      $resultado = 'FALHOU'
      $script:Falhas++
    }
  }
  $segundos = [math]::Round(((Get-Date) - $inicio).TotalSeconds, 1)
  Escrever ('{0,-9} {1,6} s  {2}{3}' -f $resultado, $segundos, $Nome, $(if ($detalhe) { ": $detalhe" } else { '' }))
}

function Falta([string] $Motivo) { throw "NÃO FEITO: $Motivo" }

function Exigir([bool] $Certo, [string] $Senao) { if (-not $Certo) { throw $Senao } }

# --- o agente ------------------------------------------------------------------------------------------------------------------

# Saude devolve a versão que responde, ou $null.
function Saude {
  try { (Invoke-RestMethod -Uri "http://$Porta/health" -TimeoutSec 2 -DisableKeepAlive).version } catch { $null }
}

# Esperar repete um bloco até que seja verdade, e devolve os segundos que levou.
function Esperar([int] $Segundos, [string] $Que, [scriptblock] $Bloco) {
  $inicio = Get-Date
  while (-not (& $Bloco)) {
    if (((Get-Date) - $inicio).TotalSeconds -gt $Segundos) { throw "em $Segundos s: $Que" }
    Start-Sleep -Milliseconds 200
  }
  [math]::Round(((Get-Date) - $inicio).TotalSeconds, 1)
}

function EsperarSaude([int] $Segundos) { Esperar $Segundos 'o agente não respondeu' { $null -ne (Saude) } }

# Agente devolve o processo do serviço, e não o vigia dele.
function Agente {
  $id = (Get-CimInstance Win32_Service -Filter "Name='$Servico'").ProcessId
  Exigir ($id -gt 0) 'o serviço não está em execução'
  Get-Process -Id $id
}

function Comando {
  $ErrorActionPreference = 'Continue' # o que vai a stderr não é exceção
  $tudo = @(& $Programa @args 2>&1)
  $codigo = $LASTEXITCODE
  Exigir ($codigo -eq 0) "pdvagent $args terminou com ${codigo}: $($tudo | Out-String)"
  @($tudo | Where-Object { $_ -isnot [System.Management.Automation.ErrorRecord] }) -join [Environment]::NewLine
}

# Instalar roda um instalador e devolve o código de saída.
function Instalar([string] $Arquivo, [string[]] $Opcoes) {
  if ($Arquivo -like '*.msi') {
    (Start-Process msiexec.exe -ArgumentList (@('/i', "`"$Arquivo`"", '/qn') + $Opcoes) -Wait -PassThru).ExitCode
  } else {
    (Start-Process $Arquivo -ArgumentList (@('/S') + $Opcoes) -Wait -PassThru).ExitCode
  }
}

# Respostas é a instalação de teste: uma nuvem que não existe, para que a fila fique cheia.
$Respostas = @('SHOP=001', 'TILL=001', 'PRIMARY=sim', 'TOKEN=aceitacao', 'BASEURL=http://127.0.0.1:9/mercafacil/')

function OpcoesDoSetup { $Respostas | ForEach-Object { "/$_" } }

function Remover {
  $desinstalar = Join-Path $Programas 'desinstalar.exe'
  if (Test-Path $desinstalar) {
    Start-Process $desinstalar -ArgumentList '/S', '/PURGE' -Wait
    $null = Esperar 60 'a desinstalação não terminou' { -not (Test-Path $Programa) }
  }
}

# ComoUsuarioComum roda um texto de PowerShell como um usuário sem direitos e devolve o que ele escreveu. O código de saída de um
# processo de outro usuário não se lê no PowerShell 5.1, e a linha de comando dele tem 1024 letras no máximo: o texto vai por um
# arquivo da pasta pública, e a resposta volta por outro.
function ComoUsuarioComum([string] $Texto) {
  $nome = Join-Path $env:PUBLIC "$Comum-$([guid]::NewGuid())"
  $resposta = "$nome.txt"
  $inteiro = "`$ErrorActionPreference = 'Stop'; `$r = try { $Texto } catch { 'ERRO ' + `$_.Exception.GetBaseException().GetType().Name }; [IO.File]::WriteAllText('$resposta', [string](`$r | Select-Object -Last 1))"
  [IO.File]::WriteAllText("$nome.ps1", $inteiro, [System.Text.Encoding]::UTF8) # com a marca: sem ela o 5.1 lê ANSI
  $credencial = New-Object System.Management.Automation.PSCredential("$env:COMPUTERNAME\$Comum", $script:SenhaDoComum)
  try {
    Start-Process powershell.exe -Credential $credencial -WorkingDirectory $env:SystemRoot -ArgumentList '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', "$nome.ps1"
    $null = Esperar 60 "o usuário $Comum não respondeu" { (Test-Path -LiteralPath $resposta) -and (Get-Item -LiteralPath $resposta).Length -gt 0 }
    Get-Content -LiteralPath $resposta -Raw
  } finally {
    Remove-Item -LiteralPath $resposta, "$nome.ps1" -Force -ErrorAction SilentlyContinue
  }
}

function CriarUsuarioComum {
  RemoverUsuarioComum
  $script:SenhaDoComum = ConvertTo-SecureString ([guid]::NewGuid().ToString() + 'aA1!') -AsPlainText -Force
  $null = New-LocalUser -Name $Comum -Password $script:SenhaDoComum -AccountExpires (Get-Date).AddHours(3)
  Add-LocalGroupMember -SID 'S-1-5-32-545' -Member $Comum
}

function RemoverUsuarioComum {
  if (Get-LocalUser -Name $Comum -ErrorAction SilentlyContinue) { Remove-LocalUser -Name $Comum }
}

# Ficha do till no config.yaml; o valor nunca vai ao relatório.
function FichaDoCaixa {
  $linha = Select-String -LiteralPath (Join-Path $Dados 'config.yaml') -Pattern "scope: till, token: '([^']+)'" | Select-Object -First 1
  Exigir ($null -ne $linha) 'o config.yaml não tem a ficha do caixa'
  $linha.Matches[0].Groups[1].Value
}

# Cancelar põe um registro na fila: 202 quer dizer que está no disco.
function Cancelar([string] $Id) {
  $cabecalhos = @{ Authorization = "Bearer $(FichaDoCaixa)" }
  $resposta = Invoke-WebRequest -UseBasicParsing -Method Post -Uri "http://$Porta/v2/transaction/cancel" -Headers $cabecalhos `
    -ContentType 'application/json' -Body "{`"transaction_id`":`"$Id`"}" -TimeoutSec 20 -DisableKeepAlive # o agente morre entre as chamadas
  Exigir ($resposta.StatusCode -eq 202) "o cancelamento $Id teve $($resposta.StatusCode)"
}

function Pendentes { [int]((Comando status --json | ConvertFrom-Json).queue.pending) }

# Eventos devolve os números dos eventos do pdvagent desde uma hora.
function Eventos([datetime] $Desde) {
  @(Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = $Servico; StartTime = $Desde } -ErrorAction SilentlyContinue | ForEach-Object { $_.Id })
}

# --- as verificações -----------------------------------------------------------------------------------------------------------

function VerificarRegistroDoServico {
  Verificar 'conta própria, sem senha' {
    $conta = (Get-CimInstance Win32_Service -Filter "Name='$Servico'").StartName
    Exigir ($conta -eq 'NT SERVICE\pdvagent') "o serviço usa $conta"
  }
  Verificar 'caminho do programa entre aspas' {
    $caminho = (Get-CimInstance Win32_Service -Filter "Name='$Servico'").PathName
    Exigir ($caminho.StartsWith('"')) $caminho
  }
  Verificar 'início automático atrasado' {
    $chave = Get-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Services\$Servico"
    Exigir ($chave.Start -eq 2) "Start é $($chave.Start)"
    Exigir ($chave.DelayedAutostart -eq 1) 'DelayedAutostart não é 1'
  }
  Verificar 'reinício em 1, 5 e 30 segundos, também depois de um fim com erro' {
    $texto = (& sc.exe qfailure $Servico | Out-String) -replace '\D+', ' '
    foreach ($espera in '1000', '5000', '30000') { Exigir ($texto -match "\b$espera\b") "sc qfailure: $texto" }
    $bandeira = (Get-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Services\$Servico").FailureActionsOnNonCrashFailures
    Exigir ($bandeira -eq 1) 'a bandeira de falhas está desligada'
  }
  Verificar 'tempo para terminar quando o Windows desliga (preshutdown)' {
    $tempo = (Get-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Services\$Servico").PreshutdownTimeout
    Exigir ($tempo -ge 20000) "PreshutdownTimeout é $tempo"
    "$tempo ms"
  }
  Verificar 'origem no log de eventos' {
    Exigir (Test-Path "HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Application\$Servico") 'a origem não está registrada'
  }
}

# BuscarSidDoServico acha o número da conta do serviço, que só existe depois da instalação.
function BuscarSidDoServico {
  $script:SidDoServico = (New-Object System.Security.Principal.NTAccount('NT SERVICE\pdvagent')).Translate([System.Security.Principal.SecurityIdentifier]).Value
}

# Regras dá os direitos de um caminho pelos números das contas. Uma conta de aplicativos (ALL APPLICATION PACKAGES) tem um nome que o
# Windows escreve e não sabe ler de volta.
function Regras([string] $Caminho) {
  (Get-Acl -LiteralPath $Caminho).GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier])
}

# SoEstes exige que só estas contas tenham algum direito, e que nada seja herdado de fora.
function SoEstes([string] $Caminho, [string[]] $Contas) {
  $estranhos = @(Regras $Caminho | Where-Object { $_.AccessControlType -eq 'Allow' } | ForEach-Object { $_.IdentityReference.Value } |
    Where-Object { $Contas -notcontains $_ } | Select-Object -Unique)
  Exigir ($estranhos.Count -eq 0) "$Caminho dá direitos a $($estranhos -join ', ')"
  $dono = (Get-Acl -LiteralPath $Caminho).GetOwner([System.Security.Principal.SecurityIdentifier]).Value
  Exigir (@('S-1-5-18', 'S-1-5-32-544', $script:SidDoServico) -contains $dono) "o dono de $Caminho é $dono"
}

function VerificarDireitos {
  BuscarSidDoServico
  $permitidos = @('S-1-5-18', 'S-1-5-32-544', 'S-1-3-4', $script:SidDoServico) # S-1-3-4: o dono
  Verificar 'pasta de dados e tudo nela: só SYSTEM, administradores e o serviço' {
    foreach ($item in @(Get-Item $Dados) + @(Get-ChildItem $Dados -Recurse -Force)) {
      try {
        SoEstes $item.FullName $permitidos
      } catch {
        if (Test-Path -LiteralPath $item.FullName) { throw } # um arquivo de passagem já se foi
      }
    }
    Exigir ((Get-Acl $Dados).AreAccessRulesProtected) 'a pasta herda direitos de ProgramData'
  }
  Verificar 'pasta do programa: usuários comuns não gravam' {
    $gravar = [System.Security.AccessControl.FileSystemRights]'WriteData, AppendData, Delete, ChangePermissions, TakeOwnership'
    foreach ($regra in Regras $Programas) {
      $sid = $regra.IdentityReference.Value
      if (@('S-1-1-0', 'S-1-5-11', 'S-1-5-32-545', 'S-1-5-4') -contains $sid -and $regra.AccessControlType -eq 'Allow') {
        Exigir (($regra.FileSystemRights -band $gravar) -eq 0) "$sid pode gravar em $Programas"
      }
    }
  }
  Verificar 'um usuário comum não lê a configuração nem a fila, e não grava ao lado' {
    foreach ($tentativa in "[IO.File]::ReadAllText('$Dados\config.yaml')", "[IO.Directory]::GetFiles('$Dados\data').Count", "[IO.File]::WriteAllText('$Dados\novo.txt', 'x'); 'gravou'") {
      $resposta = ComoUsuarioComum $tentativa
      Exigir ($resposta -eq 'ERRO UnauthorizedAccessException') "$tentativa não foi negado"
    }
  }
}

function VerificarReinicioSozinho {
  foreach ($vez in 1..3) {
    Verificar "morto à força, $vez de 3: volta sozinho" {
      Cancelar "ACEITACAO-MORTE-$vez"
      $antes = Agente
      Stop-Process -Id $antes.Id -Force
      $levou = Esperar 60 'o serviço não voltou' { try { (Agente).Id -ne $antes.Id -and $null -ne (Saude) } catch { $false } }
      "em $levou s"
    }
  }
  Verificar 'o que estava na fila continua nela' {
    $pendentes = Pendentes
    Exigir ($pendentes -ge 3) "há $pendentes na fila"
    "$pendentes"
  }
  Verificar 'nada sobra do agente que morreu: um agente e um vigia' {
    $quantos = Esperar 30 'há processos a mais' { @(Get-Process -Name pdvagent -ErrorAction SilentlyContinue).Count -le 2 }
    "depois de $quantos s"
  }
}

# Suspender para todos os fios de um processo, como um que trava.
function Suspender([System.Diagnostics.Process] $Processo) {
  if (-not ('Aceitacao.Nativo' -as [type])) {
    Add-Type -Namespace Aceitacao -Name Nativo -MemberDefinition '[DllImport("ntdll.dll")] public static extern int NtSuspendProcess(System.IntPtr handle);'
  }
  [System.Diagnostics.Process]::EnterDebugMode() # o processo é de outra conta
  $codigo = [Aceitacao.Nativo]::NtSuspendProcess($Processo.Handle)
  Exigir ($codigo -eq 0) "NtSuspendProcess devolveu $codigo"
}

function VerificarVigia {
  Verificar 'travado (todos os fios parados): o vigia o encerra e o Windows o inicia' {
    $desde = Get-Date
    $antes = Agente
    Start-Sleep -Seconds 20 # o vigia começa com o primeiro sinal de vida
    Suspender $antes
    $levou = Esperar 180 'o vigia não agiu' { try { (Agente).Id -ne $antes.Id -and $null -ne (Saude) } catch { $false } }
    Exigir ($levou -ge 40) "agiu em $levou s: cedo demais"
    Exigir ((Eventos $desde) -contains 203) 'o evento 203 não está no log'
    "em $levou s"
  }
  Verificar 'parada pelo Windows: nada sobra, e o arquivo do programa fica livre' {
    Stop-Service $Servico
    $null = Esperar 20 'um processo continua' { @(Get-Process -Name pdvagent -ErrorAction SilentlyContinue).Count -eq 0 }
    $arquivo = [IO.File]::Open($Programa, 'Open', 'ReadWrite', 'None')
    $arquivo.Close()
    Start-Service $Servico
    $null = EsperarSaude 30
  }
}

function VerificarAtualizacao([string] $Por, [string] $Velho, [string] $Novo, [string] $Defeituoso) {
  Verificar "${Por}: atualiza com a fila cheia" {
    if (-not $Velho -or -not $Novo) { Falta 'sem os dois instaladores' }
    foreach ($n in 1..100) { Cancelar "ACEITACAO-$Por-$n" }
    $pendentes = Pendentes
    $antes = Saude
    $codigo = Instalar $Novo @()
    Exigir ($codigo -eq 0) "código de saída $codigo"
    $null = EsperarSaude 30
    Exigir ((Saude) -ne $antes) "continua a versão $antes"
    Exigir ((Pendentes) -eq $pendentes) "havia $pendentes na fila, há $(Pendentes)"
    "de $antes para $(Saude), $pendentes na fila"
  }
  Verificar "${Por}: uma versão que não inicia dá lugar à anterior" {
    if (-not $Defeituoso) { Falta 'sem -SetupDefeituoso' }
    $antes = Saude
    $pendentes = Pendentes
    $codigo = Instalar $Defeituoso @()
    Exigir ($codigo -ne 0) 'o instalador disse que está tudo certo'
    $levou = EsperarSaude 120
    Exigir ((Saude) -eq $antes) "responde a versão $(Saude)"
    Exigir ((Pendentes) -eq $pendentes) "havia $pendentes na fila, há $(Pendentes)"
    "voltou a $antes em $levou s"
  }
}

function VerificarAntivirus {
  Verificar 'antivírus ligado: vende, e a varredura da pasta de dados não a estraga' {
    $defender = Get-Command Get-MpComputerStatus -ErrorAction SilentlyContinue
    if (-not $defender -or -not (Get-MpComputerStatus).RealTimeProtectionEnabled) { Falta 'o Defender não está ligado nesta máquina; diga no relatório qual é o antivírus' }
    $varredura = Start-Job { param($pasta) Start-MpScan -ScanType CustomScan -ScanPath $pasta } -ArgumentList $Dados
    $antes = Pendentes
    $lentos = 0
    foreach ($n in 1..300) {
      $inicio = Get-Date
      Cancelar "ACEITACAO-AV-$n"
      if (((Get-Date) - $inicio).TotalMilliseconds -gt 1000) { $lentos++ }
    }
    $null = Wait-Job $varredura -Timeout 300
    Remove-Job $varredura -Force
    Exigir ((Pendentes) -eq $antes + 300) "havia $antes na fila, há $(Pendentes)"
    Stop-Service $Servico
    try { $null = Comando store verify } finally { Start-Service $Servico }
    $null = EsperarSaude 30
    "300 registros durante a varredura, $lentos deles em mais de 1 s"
  }
}

# ApagarDados apaga o que um usuário deixou no lugar da pasta de dados.
function ApagarDados {
  if (Test-Path -LiteralPath $Dados) { Remove-Item -LiteralPath $Dados -Recurse -Force }
}

function VerificarPastaPlantada {
  Verificar 'uma pasta que um usuário comum fez em ProgramData, com arquivos: nada dela é usado' {
    $plantar = "`$null = New-Item -ItemType Directory -Path '$Dados\data'; Set-Content -LiteralPath '$Dados\config.yaml' -Value 'mercafacil: {base_url: ""http://192.0.2.1/""}'; " +
      "Set-Content -LiteralPath '$Dados\data\pdvagent.db' -Value 'x'; 'plantada'"
    $resposta = ComoUsuarioComum $plantar
    Exigir ($resposta -eq 'plantada') "um usuário comum não pôde fazer a pasta: $resposta"
    $dono = (Get-Acl -LiteralPath $Dados).GetOwner([System.Security.Principal.SecurityIdentifier]).Value
    Exigir ($dono -eq (Get-LocalUser -Name $Comum).SID.Value) "a pasta é de $dono, e não dele"
    try {
      $codigo = Instalar $Setup (OpcoesDoSetup)
      if ($codigo -ne 0) {
        Exigir (-not (Get-Service $Servico -ErrorAction SilentlyContinue)) 'recusou, mas deixou o serviço registrado'
        Exigir ($null -eq (Saude)) 'recusou, mas o agente responde'
        Exigir ((Get-Content -LiteralPath "$Dados\config.yaml" -Raw) -match '192\.0\.2\.1') 'recusou, mas mexeu no arquivo do usuário'
        "recusada, código de saída $codigo"
      } else {
        Exigir (-not (Select-String -LiteralPath "$Dados\config.yaml" -Pattern '192.0.2.1' -SimpleMatch -Quiet)) 'a configuração plantada foi aceita'
        BuscarSidDoServico
        foreach ($item in @(Get-Item $Dados) + @(Get-ChildItem $Dados -Recurse -Force)) { SoEstes $item.FullName @('S-1-5-18', 'S-1-5-32-544', 'S-1-3-4', $script:SidDoServico) }
        'tomada vazia, com dono e direitos trocados'
      }
    } finally {
      Remover
      ApagarDados
    }
  }
  Verificar 'uma pasta vazia de um usuário comum é tomada, e ele não grava mais nela' {
    $resposta = ComoUsuarioComum "`$null = New-Item -ItemType Directory -Path '$Dados'; 'feita'"
    Exigir ($resposta -eq 'feita') "um usuário comum não pôde fazer a pasta: $resposta"
    try {
      $codigo = Instalar $Setup (OpcoesDoSetup)
      Exigir ($codigo -eq 0) "código de saída $codigo"
      BuscarSidDoServico
      SoEstes $Dados @('S-1-5-18', 'S-1-5-32-544', 'S-1-3-4', $script:SidDoServico)
      $resposta = ComoUsuarioComum "[IO.File]::WriteAllText('$Dados\novo.txt', 'x'); 'gravou'"
      Exigir ($resposta -eq 'ERRO UnauthorizedAccessException') "quem fez a pasta ainda grava nela: $resposta"
    } finally {
      Remover
      ApagarDados
    }
  }
}

# --- as etapas -----------------------------------------------------------------------------------------------------------------

function EtapaCompleta {
  Exigir ($Setup -and (Test-Path $Setup)) 'Falta -Setup, o instalador a aceitar.'
  Exigir (-not (Get-Service $Servico -ErrorAction SilentlyContinue) -and -not (Test-Path $Dados)) 'Já há um pdvagent nesta máquina. Use uma máquina de teste.'
  CriarUsuarioComum
  VerificarPastaPlantada
  $primeiro = if ($SetupAnterior) { $SetupAnterior } else { $Setup }
  Verificar 'instalação silenciosa até a primeira resposta, em 5 s' {
    $inicio = Get-Date
    $codigo = Instalar $primeiro (OpcoesDoSetup)
    Exigir ($codigo -eq 0) "código de saída ${codigo}; veja $Dados\instalacao.log"
    $null = EsperarSaude 30
    $levou = [math]::Round(((Get-Date) - $inicio).TotalSeconds, 1)
    Exigir ($levou -le 5) "$levou s"
    "versão $(Saude), $levou s"
  }
  if ($null -eq (Saude)) { return }
  VerificarRegistroDoServico
  VerificarDireitos
  VerificarReinicioSozinho
  VerificarVigia
  VerificarAntivirus
  VerificarAtualizacao 'setup' $SetupAnterior $Setup $SetupDefeituoso
  Verificar 'doctor responde' {
    $linhas = @(& $Programa doctor | Where-Object { $_ })
    Exigir ($linhas.Count -gt 10) 'o doctor disse pouco'
    $linhas[-1]
  }
  EtapaMsi
  Verificar 'instalado de novo, para o reinício' {
    Exigir ((Instalar $Setup (OpcoesDoSetup)) -eq 0) 'a instalação falhou'
    $null = EsperarSaude 30
    foreach ($n in 1..50) { Cancelar "ACEITACAO-REINICIO-$n" }
    "$(Pendentes) na fila"
  }
  Escrever ''
  Escrever 'Agora reinicie a máquina (Iniciar, Reiniciar) e rode: aceitacao.ps1 -Etapa reinicio'
}

function EtapaMsi {
  Verificar 'desinstalado com PURGE: não sobra nada' {
    Remover
    Exigir (-not (Test-Path $Dados)) "sobrou $Dados"
    Exigir (-not (Get-Service $Servico -ErrorAction SilentlyContinue)) 'o serviço continua registrado'
  }
  Verificar 'msi: instala' {
    if (-not $MsiAnterior) { Falta 'sem -MsiAnterior' }
    $codigo = Instalar $MsiAnterior $Respostas
    Exigir ($codigo -eq 0) "código de saída $codigo"
    $null = EsperarSaude 30
    "versão $(Saude)"
  }
  if ($null -eq (Saude)) { return }
  VerificarRegistroDoServico
  VerificarAtualizacao 'msi' $MsiAnterior $Msi ''
  Verificar 'msi: a versão mais velha por cima é recusada com uma frase, e nada muda' {
    if (-not $Msi) { Falta 'sem -Msi' }
    $antes = Saude
    Exigir ((Instalar $MsiAnterior @()) -ne 0) 'a mais velha foi aceita'
    Exigir ((Saude) -eq $antes) "responde a versão $(Saude)"
  }
  Verificar 'msi: repara' {
    $pacote = if ($Msi) { $Msi } else { $MsiAnterior }
    Stop-Service $Servico
    Remove-Item -LiteralPath $Programa -Force
    $codigo = (Start-Process msiexec.exe -ArgumentList '/fa', "`"$pacote`"", '/qn' -Wait -PassThru).ExitCode
    Exigir ($codigo -eq 0) "código de saída $codigo"
    $null = EsperarSaude 30
  }
  Verificar 'msi: remove com PURGE' {
    $pacote = if ($Msi) { $Msi } else { $MsiAnterior }
    $codigo = (Start-Process msiexec.exe -ArgumentList '/x', "`"$pacote`"", '/qn', 'PURGE=sim' -Wait -PassThru).ExitCode
    Exigir ($codigo -eq 0) "código de saída $codigo"
    Exigir (-not (Test-Path $Dados)) "sobrou $Dados"
  }
}

function EtapaReinicio {
  $ligado = (Get-CimInstance Win32_OperatingSystem).LastBootUpTime
  Verificar 'depois do reinício o serviço inicia sozinho, em 3 minutos' {
    $null = EsperarSaude 180
    "a máquina está ligada há $([math]::Round(((Get-Date) - $ligado).TotalMinutes, 1)) min"
  }
  Verificar 'o Windows esperou o agente terminar: nem queda, nem banco de dados por consertar' {
    $eventos = Eventos $ligado.AddMinutes(-5)
    foreach ($ruim in 201, 202, 203) { Exigir ($eventos -notcontains $ruim) "o log tem o evento $ruim" }
    Exigir (@(Get-ChildItem (Join-Path $Dados 'data\crash') -Filter '2*.txt' -ErrorAction SilentlyContinue).Count -eq 0) 'há um relatório de queda'
  }
  Verificar 'os 50 registros continuam na fila' {
    Exigir ((Pendentes) -ge 50) "há $(Pendentes)"
    "$(Pendentes)"
  }
  Escrever ''
  Escrever 'Se esta máquina hiberna, rode agora: aceitacao.ps1 -Etapa hibernacao. Se não, desinstale e envie o relatório.'
}

function EtapaHibernacao {
  Verificar 'hibernada por 3 minutos: ao voltar, o mesmo processo responde e o vigia não agiu' {
    $desde = Get-Date
    $antes = Agente
    & powercfg.exe /hibernate on
    if ($LASTEXITCODE -ne 0) { Falta 'esta máquina não hiberna (powercfg /hibernate on)' }
    Write-Host 'A máquina vai hibernar em 10 segundos. Espere 3 minutos e ligue-a.'
    Start-Sleep -Seconds 10
    & shutdown.exe /h
    Start-Sleep -Seconds 60 # o sono interrompe esta espera; o resto dela passa acordada
    $fora = ((Get-Date) - $desde).TotalSeconds - 70
    Exigir ($fora -ge 100) "a máquina ficou fora por $([math]::Round($fora)) s: espere pelo menos 3 minutos"
    $null = EsperarSaude 30
    Exigir ((Agente).Id -eq $antes.Id) 'o agente foi reiniciado'
    Exigir ((Eventos $desde) -notcontains 203) 'o vigia contou o sono'
    Cancelar 'ACEITACAO-HIBERNACAO'
    "fora por $([math]::Round($fora)) s"
  }
  Verificar 'limpeza' {
    Remover
    Exigir (-not (Test-Path $Dados)) "sobrou $Dados"
  }
}

# --- o começo ------------------------------------------------------------------------------------------------------------------

$identidade = New-Object System.Security.Principal.WindowsPrincipal([System.Security.Principal.WindowsIdentity]::GetCurrent())
if (-not $identidade.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)) {
  Write-Host 'Abra o PowerShell com "Executar como administrador".'
  exit 2
}
if (-not [Environment]::Is64BitProcess) {
  Write-Host 'Abra o PowerShell de 64 bits: o de 32 vê outras pastas e outro registro.'
  exit 2
}
# O instalador é iniciado de outra pasta: os caminhos são completos.
foreach ($nome in 'Setup', 'SetupAnterior', 'SetupDefeituoso', 'Msi', 'MsiAnterior') {
  $caminho = Get-Variable -Name $nome -ValueOnly
  if (-not $caminho) { continue }
  if (-not (Test-Path -LiteralPath $caminho)) {
    Write-Host "O arquivo de -$nome não existe: $caminho"
    exit 2
  }
  $inteiro = (Resolve-Path -LiteralPath $caminho).ProviderPath
  Unblock-File -LiteralPath $inteiro # o que veio pelo navegador abriria uma pergunta que ninguém responde
  Set-Variable -Name $nome -Value $inteiro
}
$sistema = Get-CimInstance Win32_OperatingSystem
Escrever ''
Escrever "== aceitação do pdvagent, etapa $Etapa, $(Get-Date -Format 'yyyy-MM-dd HH:mm:ss')"
Escrever "   $($sistema.Caption) $($sistema.Version), $($sistema.OSArchitecture), $([math]::Round($sistema.TotalVisibleMemorySize / 1048576, 1)) GiB, PowerShell $($PSVersionTable.PSVersion)"
foreach ($arquivo in @($Setup, $SetupAnterior, $SetupDefeituoso, $Msi, $MsiAnterior) | Where-Object { $_ }) {
  Escrever "   $(Split-Path -Leaf $arquivo): SHA256 $((Get-FileHash -LiteralPath $arquivo).Hash), assinatura $((Get-AuthenticodeSignature -LiteralPath $arquivo).Status)"
}
try {
  switch ($Etapa) {
    'completa' { EtapaCompleta }
    'reinicio' { EtapaReinicio }
    'hibernacao' { EtapaHibernacao }
  }
} catch {
  Escrever "PAROU: $($_.Exception.Message)"
  exit 2
} finally {
  RemoverUsuarioComum
}
Escrever ''
Escrever "$(if ($Falhas) { "$Falhas verificação(ões) FALHARAM" } else { 'nada falhou' }). Envie: $Relatorio"
exit $(if ($Falhas) { 1 } else { 0 })
