# secresponse: what a running Windows system shows of itself, in order of volatility. See linux.sh for the settings and the
# answer. Installs nothing, changes nothing but one private folder, which is removed at the end.
$ErrorActionPreference = 'SilentlyContinue'
$ProgressPreference = 'SilentlyContinue'
$piece = 16500
$partCharacters = 2000000
$folder = Join-Path ([IO.Path]::GetTempPath()) ('secresponse.' + $SR_TOKEN)
$out = Join-Path $folder 'out'

function Write-Piece([int]$number) {
  $file = [IO.File]::OpenRead($out)
  $null = $file.Seek(($number - 1) * $piece, 'Begin')
  $buffer = New-Object byte[] $piece
  $count = $file.Read($buffer, 0, $piece)
  $file.Close()
  [Console]::Out.Write([Convert]::ToBase64String($buffer, 0, $count))
}

$parts = [ordered]@{
  'time and system' = { Get-Date -Format o; Get-CimInstance Win32_OperatingSystem | Format-List *; whoami /all }
  'processes' = { Get-CimInstance Win32_Process | Select-Object ProcessId, ParentProcessId, CreationDate, ExecutablePath, CommandLine | Format-List }
  'sockets' = { netstat -ano; Get-NetTCPConnection | Format-Table -AutoSize | Out-String -Width 300 }
  'routes and neighbours' = { route print; arp -a; ipconfig /all; ipconfig /displaydns }
  'drivers and services' = { driverquery /v; Get-CimInstance Win32_Service | Format-List Name, State, StartMode, PathName, StartName }
  'users and logins' = { query user; Get-LocalUser | Format-Table; Get-LocalGroupMember Administrators | Format-Table; net share }
  'scheduled tasks' = { schtasks /query /v /fo list }
  'start of the system' = { Get-CimInstance Win32_StartupCommand | Format-List; Get-ItemProperty HKLM:\Software\Microsoft\Windows\CurrentVersion\Run, HKLM:\Software\Microsoft\Windows\CurrentVersion\RunOnce }
  'event consumers' = { Get-CimInstance -Namespace root\subscription -ClassName __EventConsumer | Format-List }
  'recent files' = { Get-ChildItem C:\Windows\Temp, C:\Users, C:\ProgramData -Recurse -File -Force | Where-Object LastWriteTime -gt (Get-Date).AddDays(-7) | Select-Object -First 4000 FullName, Length, LastWriteTime | Format-Table -AutoSize | Out-String -Width 400 }
  'packages' = { Get-ItemProperty HKLM:\Software\Microsoft\Windows\CurrentVersion\Uninstall\* | Format-Table DisplayName, DisplayVersion, InstallDate -AutoSize }
  'security log' = { Get-WinEvent -LogName Security -MaxEvents 500 | Format-List TimeCreated, Id, Message }
  'system log' = { Get-WinEvent -LogName System -MaxEvents 300 | Format-List TimeCreated, Id, Message }
}

switch ($SR_DO) {
  'collect' {
    $end = (Get-Date).AddSeconds([int]$SR_SECONDS)
    $null = New-Item -ItemType Directory -Path $folder -ErrorAction Stop
    $file = [IO.File]::Create($out)
    $zip = New-Object IO.Compression.GZipStream($file, [IO.Compression.CompressionMode]::Compress)
    $text = New-Object IO.StreamWriter($zip)
    foreach ($name in $parts.Keys) {
      $text.WriteLine("`n##### $name ($((Get-Date).ToUniversalTime().ToString('HH:mm:ss')))")
      $left = [Math]::Min(15, ($end - (Get-Date)).TotalSeconds)
      if ($left -le 0) { $text.WriteLine('##### not taken: no time left'); continue }
      # A job of its own: only that can be ended from outside.
      $job = Start-Job -ScriptBlock $parts[$name]
      if (-not (Wait-Job $job -Timeout $left)) { $text.WriteLine("##### cut off after $left s") }
      $said = (Receive-Job $job 2>&1 | Out-String -Width 400)
      if ($said.Length -gt $partCharacters) { $said = $said.Substring(0, $partCharacters) + "`n##### cut off" }
      $text.WriteLine($said)
      Remove-Job $job -Force
    }
    $text.Close()
    $bytes = (Get-Item $out).Length
    $hash = (Get-FileHash $out -Algorithm SHA256).Hash.ToLower()
    $pieces = [Math]::Ceiling($bytes / $piece)
    $upload = 'none'
    if ($SR_URL) {
      try {
        $null = Invoke-WebRequest -UseBasicParsing -Method Put -Uri $SR_URL -InFile $out -Headers @{ 'If-None-Match' = '*' } -TimeoutSec 30 -ErrorAction Stop
        $upload = 'done'
      } catch { $upload = 'failed' }
    }
    [Console]::Out.Write("secresponse-os 1 gz $bytes $hash $pieces $upload 1`n")
    if ($upload -ne 'done') { Write-Piece 1 }
    if ($upload -eq 'done' -or $pieces -le 1) { Remove-Item -Recurse -Force $folder }
  }
  'read' { Write-Piece ([int]$SR_AT) }
  'last' { Write-Piece ([int]$SR_AT); Remove-Item -Recurse -Force $folder }
  'remove' { Remove-Item -Recurse -Force $folder }
  default { exit 2 }
}
