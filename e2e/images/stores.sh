#!/bin/sh
# Makes images of the Redis and the PostgreSQL that are installed here, which behave as those of everybody's registry:
# stores.sh OUT.tar, an archive as `docker save` writes it, with redis:debian and postgres:debian.
set -eu
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Copies files, and the libraries that they need, into the root that is the working folder.
add() {
    for file; do
        cp --parents --dereference --recursive "$file" .
        ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | xargs -r cp --parents --dereference -t . || true
    done
}

# Packs the working folder: image NAME CONFIG.
image() {
    dir=$work/$(echo "$1" | tr : -)
    tar --numeric-owner --owner=0 --group=0 --sort=name --mtime=@0 -cf "$dir.tar" .
    sum=$(sha256sum "$dir.tar" | cut -d' ' -f1)
    printf '{"architecture":"amd64","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$2" "$sum" >"$dir.json"
    entry="{\"Config\":\"${dir##*/}.json\",\"RepoTags\":[\"$1\"],\"Layers\":[\"${dir##*/}.tar\"]}"
    manifest=${manifest:+$manifest,}$entry
}

mkdir "$work/redis" "$work/postgres"
cd "$work/redis"
add /usr/bin/redis-server
image redis:debian '{"Entrypoint":["/usr/bin/redis-server"]}'

cd "$work/postgres"
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
version=$(basename "$(dirname "$bin")")
add "$bin/postgres" "$bin/initdb" "$bin/pg_isready" /bin/busybox
add "/usr/share/postgresql/$version" "/usr/lib/postgresql/$version/lib" /usr/share/zoneinfo/UTC
rm -rf usr/lib/postgresql/*/lib/bitcode usr/lib/postgresql/*/lib/llvmjit*
ln -s busybox bin/sh
mkdir etc
echo 'postgres:x:70:70::/:/bin/sh' >etc/passwd
cat >entrypoint <<'END'
#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    initdb --username "$POSTGRES_USER" --pwfile /tmp/password --auth-local trust --auth-host scram-sha-256 \
        --encoding UTF8 --locale C --pgdata "$PGDATA"
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$PGDATA" postgres
fi
exec postgres -D "$PGDATA" -c 'listen_addresses=*'
END
chmod 755 entrypoint
image postgres:debian "{\"Entrypoint\":[\"/entrypoint\"],\"Env\":[\"PATH=$bin:/bin\"],\"StopSignal\":\"SIGINT\"}"

cd "$work"
echo "[$manifest]" >manifest.json
tar -cf "$out" ./*.json ./*-debian.tar --transform 's,^\./,,'
