# secresponse: what a running Linux system shows of itself, in order of volatility. POSIX shell; dash and busybox will do.
# Installs nothing, compiles nothing, changes nothing but one private folder, preferably in memory, which is removed at the end.
#
# SR_DO       collect: take everything, answer a header line and the first piece
#             read, last: answer piece number SR_AT; last removes the folder too
#             remove: remove the folder
# SR_TOKEN    32 hexadecimal digits: names the folder
# SR_PLACE    number of the place in which the folder was made (read, last, remove)
# SR_SECONDS  time for taking, all parts together
# SR_URL      where the result may be put, once; empty: it is answered in pieces
umask 077
LC_ALL=C
export LC_ALL
PIECE=16500
PART_BYTES=2000000
TOTAL_BYTES=32000000
PART_SECONDS=10

has() { command -v "$1" >/dev/null 2>&1; }

# Memory before disk. TMPDIR, where it is set, is the only place.
places() { if [ -n "$TMPDIR" ]; then echo "$TMPDIR"; else echo /dev/shm /run /tmp /var/tmp; fi; }
clear_all() { for at in $(places); do rm -rf "$at/secresponse.$SR_TOKEN"; done; }
folder_in() { number=0; for at in $(places); do number=$((number + 1)); [ "$number" != "$1" ] || echo "$at/secresponse.$SR_TOKEN"; done; }

if has base64; then encode() { base64 | tr -d '\n'; }
elif has openssl; then encode() { openssl base64 -A; }
else echo 'neither base64 nor openssl is here: nothing can be brought back' >&2; exit 4; fi
if has gzip; then pack() { gzip -c; }; FORMAT=gz; else pack() { cat; }; FORMAT=plain; fi
if has sha256sum; then digest() { sha256sum "$1" | cut -c1-64; }
elif has openssl; then digest() { openssl dgst -sha256 "$1" | sed 's/.*= *//'; }
else digest() { echo -; }; fi

piece() { tail -c "+$((($2 - 1) * PIECE + 1))" "$1" | head -c "$PIECE" | encode; }

# One part: title, then a command line. It has a process group, a time limit and a size limit of its own.
part() {
  left=$((END - $(date +%s)))
  [ "$left" -lt "$PART_SECONDS" ] || left=$PART_SECONDS
  printf '\n##### %s (%s)\n' "$1" "$(date -u +%H:%M:%S)"
  if [ "$left" -le 0 ]; then echo '##### not taken: no time left'; return; fi
  {
    code=$(
      {
        {
          if has setsid; then
            setsid sh -c "$2" </dev/null 2>&1 3>&- &
            taking=$!
            setsid sh -c "sleep $left; kill -9 -$taking" </dev/null >/dev/null 2>&1 3>&- 4>&- &
            guard=$!
            wait "$taking"; echo $? >&3
            kill -9 "-$guard" || kill -9 "$guard"
          elif has timeout; then timeout -s KILL "$left" sh -c "$2" </dev/null 2>&1 3>&-; echo $? >&3
          else sh -c "$2" </dev/null 2>&1 3>&-; echo $? >&3; fi
        } 2>/dev/null | head -c "$PART_BYTES" >&4
      } 3>&1
    )
  } 4>&1
  case $code in
    137) echo; echo "##### cut off after $left s" ;;
    141) echo; echo "##### cut off after $PART_BYTES bytes" ;;
    0) ;;
    *) echo "##### ended with $code" ;;
  esac
}

everything() {
  echo 'secresponse: system information, most volatile first. What a compromised system says of itself may be false.'
  part 'time and system' 'date -u; cat /proc/uptime; uname -a; hostname; id; cat /etc/os-release; cat /proc/cmdline'
  part 'processes whose executable is deleted' '
    for exe in /proc/[0-9]*/exe; do
      to=$(readlink "$exe") || continue
      case $to in *" (deleted)"|/memfd:*) ;; *) continue ;; esac
      pid=${exe#/proc/}; pid=${pid%/exe}
      echo "pid $pid: $to"; tr "\000" " " <"/proc/$pid/cmdline"; echo
      grep -E "^(Name|PPid|Uid|State):" "/proc/$pid/status"; sha256sum "$exe"
    done; true'
  part 'processes' 'ps -eo pid,ppid,user,lstart,stat,args -ww || ps -ef || ps'
  part 'executables of processes' 'ls -ld /proc/[0-9]*/exe /proc/[0-9]*/cwd /proc/[0-9]*/root'
  part 'command lines' 'for at in /proc/[0-9]*/cmdline; do printf "%s " "$at"; tr "\000" " " <"$at"; echo; done; true'
  part 'open files' 'ls -l /proc/[0-9]*/fd'
  part 'sockets' 'ss -anpe || netstat -anp; cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 /proc/net/raw /proc/net/packet; cat /proc/net/unix'
  part 'interfaces and routes' 'ip addr; ip rule; ip route show table all || { cat /proc/net/route /proc/net/ipv6_route; }; cat /proc/net/dev'
  part 'neighbours' 'ip neigh || cat /proc/net/arp'
  part 'packet filter' 'nft list ruleset || iptables-save; cat /etc/resolv.conf /etc/hosts'
  part 'kernel modules' 'cat /proc/modules /proc/sys/kernel/tainted'
  part 'mounts' 'cat /proc/mounts; df -kl'
  part 'users and logins' 'who -a; w; last -n 100 -w; lastb -n 100 -w; cat /etc/passwd /etc/group; ls -l /etc/shadow; cat /etc/sudoers /etc/sudoers.d/*'
  part 'cron' 'for at in /etc/crontab /etc/anacrontab /etc/cron.*/* /var/spool/cron/* /var/spool/cron/crontabs/* /var/spool/at/*; do [ -f "$at" ] || continue; echo "--- $at"; ls -l "$at"; cat "$at"; done; true'
  part 'systemd units' 'systemctl list-units --all --no-pager --full; systemctl list-timers --all --no-pager; ls -lat /etc/systemd/system /run/systemd/system /usr/lib/systemd/system; find /etc/systemd /run/systemd/system -name "*.service" -type f -exec cat {} +'
  part 'start of the system and of shells' 'ls -lat /etc/init.d /etc/profile.d; cat /etc/ld.so.preload /etc/rc.local /etc/profile /etc/modules-load.d/*; ls -la /etc/update-motd.d'
  part 'authorised keys' '
    cut -d: -f6 /etc/passwd | sort -u | while read -r home; do
      for at in "$home"/.ssh/authorized_keys "$home"/.ssh/authorized_keys2; do [ -f "$at" ] || continue; echo "--- $at"; ls -l "$at"; cat "$at"; done
    done; cat /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*'
  part 'shell start files' 'cut -d: -f6 /etc/passwd | sort -u | while read -r home; do ls -la "$home"/.bashrc "$home"/.profile "$home"/.bash_profile "$home"/.*history; done 2>/dev/null; true'
  part 'temporary files' 'find /dev/shm /run /tmp /var/tmp -xdev -type f -exec ls -ld {} + | head -n 4000'
  part 'files of the last seven days' 'find /etc /root /home /usr/local /opt /srv /var/www /usr/bin /usr/sbin /usr/lib/systemd -xdev -type f -mtime -7 -exec ls -ld {} + | head -n 8000'
  part 'setuid files' 'find /usr /opt /home /root /tmp /var/tmp -xdev -type f -perm -4000 -exec ls -ld {} + | head -n 1000'
  part 'packages' 'rpm -qa --last || dpkg-query -l || apk info -v; tail -n 200 /var/log/dpkg.log'
  part 'containers' 'docker ps -a --no-trunc || podman ps -a --no-trunc || crictl ps -a || ctr -a /run/containerd/containerd.sock containers list'
  part 'journal' 'journalctl -n 3000 --no-pager -o short-iso || tail -n 1000 /var/log/messages /var/log/syslog'
  part 'logins in the logs' 'tail -n 1000 /var/log/secure /var/log/auth.log; dmesg | tail -n 500'
  echo; echo "##### end ($(date -u +%H:%M:%S))"
}

case $SR_DO in
  collect)
    END=$(($(date +%s) + SR_SECONDS))
    place=0; found=''
    for at in $(places); do
      place=$((place + 1))
      if mkdir "$at/secresponse.$SR_TOKEN" 2>/dev/null; then found=$at/secresponse.$SR_TOKEN; break; fi
    done
    if [ -z "$found" ]; then
      # No place for a file: one answer is all there is. Some of many parts tells more than all of one.
      PART_BYTES=24000
      echo "secresponse-os 1 $FORMAT 0 - 1 none 0"
      everything 2>/dev/null | pack | head -c "$PIECE" | encode
      exit 0
    fi
    trap 'rm -rf "$found"; exit 5' HUP INT TERM
    everything 2>/dev/null | head -c "$TOTAL_BYTES" | pack >"$found/out"
    bytes=$(($(wc -c <"$found/out")))
    pieces=$(((bytes + PIECE - 1) / PIECE))
    upload=none
    if [ -n "$SR_URL" ]; then
      if has curl; then
        if curl -fsS --max-time $((SR_SECONDS / 4 + 5)) -T "$found/out" -H 'If-None-Match: *' -H 'Content-Type:' "$SR_URL" >/dev/null; then upload=done; else upload=failed; fi
      else upload=no-curl; fi
    fi
    echo "secresponse-os 1 $FORMAT $bytes $(digest "$found/out") $pieces $upload $place"
    [ "$upload" = done ] || piece "$found/out" 1
    # AWS may have been asked twice, and another command be at work elsewhere.
    if [ "$upload" = done ] || [ "$pieces" -le 1 ]; then rm -rf "$found"; fi
    ;;
  read | last)
    found=$(folder_in "$SR_PLACE")
    piece "$found/out" "$SR_AT"
    [ "$SR_DO" = read ] || clear_all
    ;;
  remove) clear_all ;;
  *) echo "SR_DO: ${SR_DO:-nothing}" >&2; exit 2 ;;
esac
