#!/bin/sh
# Says in one line of JSON what this machine is and has. Only reads; needs neither Python nor root.
# Run as the user who came by SSH, so that it can tell whether sudo works for that user.

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

has() {
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1
}

yes_no() {
    if "$@" >/dev/null 2>&1 </dev/null; then printf true; else printf false; fi
}

# Nothing in a value can end the string it stands in.
clean() {
    head -n 1 | tr -cd 'A-Za-z0-9._+:~/() -' | cut -c 1-100
}

release() {
    sed -n "s/^$1=//p" /etc/os-release 2>/dev/null | clean
}

# A folder that cannot be written is found by its nearest parent that exists.
read_only() {
    for folder in /etc /opt /usr /var/lib; do
        at=$folder
        while [ ! -d "$at" ]; do at=$(dirname "$at"); done
        as_root test -w "$at" 2>/dev/null || printf '%s ' "$folder"
    done
}

# Device ids of NVIDIA's display and 3D controllers (class 0x03....), one a line.
nvidia_devices() {
    for device in /sys/bus/pci/devices/*; do
        [ "$(cat "$device/vendor" 2>/dev/null)" = 0x10de ] || continue
        case $(cat "$device/class" 2>/dev/null) in 0x03*) cat "$device/device" ;; esac
    done
}

# The masked and the missing have nothing left to quiet.
noisy_units() {
    for unit in apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service unattended-upgrades.service; do
        state=$(systemctl show --property LoadState --value "$unit" 2>/dev/null)
        case $state in '' | masked | not-found) ;; *) printf '%s ' "$unit" ;; esac
    done
}

missing_packages() {
    for package in ca-certificates curl python3 python3-apt; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
    done
}

docker_version() {
    has docker && as_root timeout 30 docker version --format '{{.Server.Version}}' 2>/dev/null </dev/null
}

# The port that sshd itself listens on: a forwarded port has another number outside.
ssh_port() {
    printf '%s' "${SSH_CONNECTION:-0 0 0 0}" | cut -d ' ' -f 4
}

cat <<END
{"id": "$(release ID)", "version": "$(release VERSION_ID)", "name": "$(release PRETTY_NAME)", "codename": "$(release VERSION_CODENAME)",\
 "kernel": "$(uname -r | clean)", "architecture": "$(dpkg --print-architecture 2>/dev/null | clean)", "user": "$(id -un | clean)",\
 "systemd": $(yes_no test -d /run/systemd/system), "sudo": $(yes_no as_root true), "read_only": "$(read_only | clean)",\
 "python": "$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null | clean)", "ssh_port": $(ssh_port),\
 "noisy_units": "$(noisy_units | clean)", "missing_packages": "$(missing_packages | clean)",\
 "nvidia_oldest": "$(nvidia_devices | sort | clean)", "nvidia_smi": $(yes_no timeout 60 nvidia-smi),\
 "nvidia_ctk": $(yes_no has nvidia-ctk), "nvidia_hook": $(yes_no has nvidia-container-runtime-hook),\
 "docker": "$(docker_version | clean)", "docker_command": $(yes_no has docker), "docker_unit": $(yes_no systemctl cat docker.service)}
END
