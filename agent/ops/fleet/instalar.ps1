# Instala e confere os caixas com Windows desta pasta, com o psexec, em um PowerShell de administrador.
# Pode ser executado de novo: um caixa que já respondeu não tem mais arquivo de respostas, e é pulado.
$setup = '{{setup}}'
Set-Location -LiteralPath $PSScriptRoot
$agente = 'C:\Program Files\pdvagent\pdvagent.exe'
$pasta = 'C:\Windows\pdvagent-respostas'

function Instalar-Caixa($loja, $caixa, $maquina) {
  $nome = "$loja-$caixa"
  $respostas = Join-Path 'respostas' "$nome.json"
  if (-not (Test-Path -LiteralPath $respostas)) {
    Write-Host "Loja $loja, caixa ${caixa}: respondeu antes."
    return
  }
  Write-Host "Loja $loja, caixa $caixa, em $maquina"
  $chamada = @('-accepteula', '-nobanner', "\\$maquina", '-s')
  psexec @chamada cmd /c "rmdir /s /q $pasta & mkdir $pasta && icacls $pasta /inheritance:r /grant *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F"
  Copy-Item -LiteralPath $respostas -Destination "\\$maquina\ADMIN$\pdvagent-respostas\respostas.json"
  psexec @chamada $setup /S "/ANSWERS=$pasta\respostas.json"
  Set-Content -LiteralPath "resultados\$nome.codigo" -Value $LASTEXITCODE
  psexec @chamada cmd /c "rmdir /s /q $pasta"
  psexec @chamada $agente config show --json | Set-Content -LiteralPath "resultados\$nome.config" -Encoding UTF8
  psexec @chamada $agente status --json | Set-Content -LiteralPath "resultados\$nome.situacao" -Encoding UTF8
  if ($LASTEXITCODE -eq 0) { Remove-Item -LiteralPath $respostas }
}

{{caixas}}
Write-Host 'Feito. Veja o resultado com: pdvagent homologation fleet --check .'
