@echo off
rem Instala e confere os caixas com Windows desta pasta, com o psexec, em um Prompt de Comando de administrador.
rem Pode ser executado de novo: um caixa que respondeu perde o arquivo de respostas, e outra vez fica de fora.
setlocal
cd /d "%~dp0"
set "SETUP={{setup}}"
{{caixas}}
echo Feito. Veja o resultado com: pdvagent homologation fleet --check .
exit /b 0

:caixa
if not exist "respostas\%1-%2.json" (
  echo Loja %1, caixa %2: respondeu antes.
  exit /b 0
)
echo Loja %1, caixa %2, em %3
call psexec -accepteula -nobanner \\%3 -s cmd /c "rmdir /s /q C:\Windows\pdvagent-respostas & mkdir C:\Windows\pdvagent-respostas && icacls C:\Windows\pdvagent-respostas /inheritance:r /grant *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F"
copy /y "respostas\%1-%2.json" "\\%3\ADMIN$\pdvagent-respostas\respostas.json" >nul
call psexec -accepteula -nobanner \\%3 -s "%SETUP%" /S /ANSWERS=C:\Windows\pdvagent-respostas\respostas.json
>"resultados\%1-%2.codigo" echo %errorlevel%
call psexec -accepteula -nobanner \\%3 -s cmd /c "rmdir /s /q C:\Windows\pdvagent-respostas"
call psexec -accepteula -nobanner \\%3 -s "C:\Program Files\pdvagent\pdvagent.exe" config show --json >"resultados\%1-%2.config"
call psexec -accepteula -nobanner \\%3 -s "C:\Program Files\pdvagent\pdvagent.exe" status --json >"resultados\%1-%2.situacao"
if not errorlevel 1 del "respostas\%1-%2.json"
exit /b 0
