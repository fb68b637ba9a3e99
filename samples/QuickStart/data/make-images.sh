#!/usr/bin/env bash
# Makes the two versions of the small system image that the quick start takes snapshots of:
#   web-1.qcow2    GPT, one ext4 root with a few Debian packages unpacked as dpkg would have left them
#   web-2.qcow2    the same disk after an update: a package added, configuration changed, a file removed
# The second is the first, changed in place, as on a real machine. Needs Debian's qemu-utils, e2fsprogs, gdisk, dpkg and
# apt-get download. The packages' licences are in the images under /usr/share/doc.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export SOURCE_DATE_EPOCH=1780000000
start=2048

# unpack TREE PACKAGE...: the files, and the entries that dpkg keeps of them.
unpack() {
    local tree=$1 package deb
    shift
    mkdir -p "$tree/var/lib/dpkg/info"
    for package in "$@"; do
        apt-get download -qq "$package" >/dev/null
        deb=$(ls "$package"_*.deb)
        dpkg-deb -x "$deb" "$tree"
        rm -rf "$tree/usr/share/locale" "$tree/usr/share/info"          # keeps both images small
        dpkg-deb -c "$deb" | awk '{ print substr($6, 2) }' | sed 's,/$,,' > "$tree/var/lib/dpkg/info/$package.list"
        { dpkg-deb -f "$deb" | sed '1a Status: install ok installed'; echo; } >> "$tree/var/lib/dpkg/status"
    done
}

mkdir tree more
unpack tree base-files netbase dash hostname sed mawk
echo web-1 > tree/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 web-1\n' > tree/etc/hosts
printf 'UUID=5e1b36cc-4a5f-4f0a-9d0b-7a2d3c1f9e11 / ext4 defaults 0 1\n' > tree/etc/fstab
find tree -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

truncate -s 64M disk.raw
sgdisk -n "1:$start:0" -t 1:8304 -U 0b6b7d4e-6f0e-4d37-8a55-1f6a5c2f7d01 disk.raw >/dev/null
blocks=$(( (64 * 1024 * 1024 / 512 - start - 34) / 8 ))
mke2fs -q -t ext4 -b 4096 -L root -U 5e1b36cc-4a5f-4f0a-9d0b-7a2d3c1f9e11 -O ^has_journal,^metadata_csum \
    -E "offset=$((start * 512)),root_owner=0:0,hash_seed=5e1b36cc-4a5f-4f0a-9d0b-7a2d3c1f9e11" -d tree disk.raw "$blocks"
qemu-img convert -c -f raw -O qcow2 disk.raw "$here/web-1.qcow2"

# The update, written into the file system of the same disk.
unpack more grep
cat tree/var/lib/dpkg/status more/var/lib/dpkg/status > status
echo web-2 > hostname
{
    (cd more && find usr bin -type d 2>/dev/null | sort | sed 's/^/mkdir /')
    (cd more && find usr bin -type f 2>/dev/null | sort | sed "s,.*,write $work/more/& &,")
    echo "rm var/lib/dpkg/status"
    echo "write $work/status var/lib/dpkg/status"
    echo "write $work/more/var/lib/dpkg/info/grep.list var/lib/dpkg/info/grep.list"
    echo "rm etc/hostname"
    echo "write $work/hostname etc/hostname"
    echo "rm etc/issue.net"
} > commands
dd if=disk.raw of=root.ext4 bs=512 skip=$start status=none
debugfs -w -f commands root.ext4 >/dev/null 2>&1
e2fsck -f -n root.ext4 >/dev/null
dd if=root.ext4 of=disk.raw bs=512 seek=$start conv=notrunc,sparse status=none
qemu-img convert -c -f raw -O qcow2 disk.raw "$here/web-2.qcow2"
ls -l "$here"/*.qcow2
