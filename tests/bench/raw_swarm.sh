#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The classic lab of playbooks/swarm.yml, written by hand: nothing but docker and the images that are there. It is what the
# playbook's time is measured against, so it does the same work on the same nodes, without TLS and without verification.
#
#   raw_swarm.sh up      builds it, and prints the seconds that this took
#   raw_swarm.sh down    removes it, and nothing else
set -euo pipefail

SUBNET=${RAW_SUBNET:-192.168.80}
NETWORK=raw-swarm
LABEL=org.dockernet.lab=bench
CONSUL=$SUBNET.100
# An engine on TCP that is told nothing of TLS waits 16 s before it starts (moby, cmd/dockerd/daemon.go). The script knows
# that, as the playbook does; with RAW_TLS=unsaid it is the script of somebody who does not.
TLS='"tls": false,'
[[ ${RAW_TLS:-off} != unsaid ]] || TLS=
SWARM=tcp://$SUBNET.101:3375
declare -A ADDRESS=([raw-consul]=$CONSUL [raw-demo0]=$SUBNET.101 [raw-demo1]=$SUBNET.102)
declare -A NODE=([ubuntu1]=raw-demo0 [ubuntu2]=raw-demo1)

# Runs a function for each of the names at once, and fails if one of them fails.
all_at_once() {
    local function=$1 name pid pids=()
    for name in "${@:2}"; do
        "$function" "$name" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

# Asks until the answer is yes, for a minute at most.
until_true() {
    local deadline=$((SECONDS + 60))
    until "$@"; do
        if ((SECONDS > deadline)); then
            echo "raw_swarm.sh: waited a minute in vain for: $*" >&2
            return 1
        fi
        sleep 0.1
    done
}

# The options of plugins/modules/lab_node.py.
node() {
    local cgroups=(--cgroupns=private)
    if [[ $(docker info --format '{{.CgroupVersion}}') == 1 ]]; then
        cgroups=(--cgroupns=host --volume /sys/fs/cgroup:/sys/fs/cgroup:rw)
    fi
    docker run --detach --name "$1" --hostname "$1" --label "$LABEL" --network "$NETWORK" --ip "${ADDRESS[$1]}" \
        --cap-add ALL --cap-drop SYS_RESOURCE --cap-drop SYS_TIME --cap-drop SYS_MODULE --cap-drop SYS_BOOT \
        --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined \
        "${cgroups[@]}" --tmpfs /run --tmpfs /run/lock --tmpfs /tmp:exec dockernet/node:11 >/dev/null
    docker exec "$1" sh -c '
        until [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
        state=$(systemctl is-system-running --wait); [ "$state" = running ] || [ "$state" = degraded ]'
}

consul() {
    docker exec --interactive raw-consul sh -c 'cat > /etc/consul.d/raw.json' <<-END
		{"datacenter": "dc1", "data_dir": "/var/lib/consul", "server": true, "bootstrap_expect": 1, "ui": true,
		 "bind_addr": "$CONSUL", "advertise_addr": "$CONSUL", "client_addr": "127.0.0.1 $CONSUL",
		 "performance": {"raft_multiplier": 1}, "disable_update_check": true}
	END
    docker exec raw-consul systemctl enable --now --quiet consul
    until_true consul_has_a_leader
}

consul_has_a_leader() {
    docker exec raw-consul consul info 2>/dev/null | grep --quiet 'leader = true'
}

engine() {
    docker exec --interactive "$1" sh -c 'mkdir -p /etc/docker /etc/systemd/system/docker.service.d
        cat > /etc/docker/daemon.json' <<-END
		{"hosts": ["fd://", "tcp://${ADDRESS[$1]}:2375"], $TLS
		 "cluster-store": "consul://$CONSUL:8500", "cluster-advertise": "${ADDRESS[$1]}:2375",
		 "bip": "172.24.0.1/24", "default-address-pools": [{"base": "172.25.0.0/16", "size": 24}]}
	END
    # The distribution's unit says -H fd://, and an engine refuses one option both as a flag and in the file.
    docker exec --interactive "$1" sh -c 'cat > /etc/systemd/system/docker.service.d/raw.conf' <<-'END'
		[Service]
		ExecStart=
		ExecStart=/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
	END
    docker exec "$1" sh -c 'systemctl daemon-reload; systemctl enable --now --quiet docker'
    docker save box swarm:1.2.9 | docker exec --interactive "$1" docker load --quiet >/dev/null
    [[ $1 != raw-demo0 ]] || swarm "$1" manager manage --host="$SWARM" --advertise="${SWARM#tcp://}" \
        --strategy=spread --heartbeat=5s --engine-refresh-min-interval=5s --engine-refresh-max-interval=15s \
        --engine-failure-retry=3 --replication --replication-ttl=20s
    swarm "$1" agent join --advertise="${ADDRESS[$1]}:2375" --heartbeat=5s --ttl=20s --delay=0s
}

# Runs a part of the Swarm on a node: its name, then its command line.
swarm() {
    docker exec "$1" docker run --detach --name "swarm-$2" --restart always --network host --label "$LABEL" \
        swarm:1.2.9 "${@:3}" "consul://$CONSUL:8500" >/dev/null
}

swarm_has_both_nodes() {
    [[ $(docker --host "$SWARM" info 2>/dev/null | grep --count 'Status: Healthy') == 2 ]]
}

container() {
    docker --host "$SWARM" run --detach --name "$1" --network linux --env "constraint:node==${NODE[$1]}" box >/dev/null
}

# From one container to another, by its name in the network.
ping_from() {
    docker exec "${NODE[$1]}" docker exec "$1" ping -c 1 -W 5 "$2.linux" >/dev/null 2>&1
}

up() {
    docker network create --subnet "$SUBNET.0/24" --label "$LABEL" "$NETWORK" >/dev/null
    all_at_once node "${!ADDRESS[@]}"
    consul
    all_at_once engine raw-demo0 raw-demo1
    until_true swarm_has_both_nodes
    docker --host "$SWARM" network create --driver overlay linux >/dev/null
    all_at_once container ubuntu1 ubuntu2
    # A name of another node is known there as soon as the store has told it.
    until_true ping_from ubuntu1 ubuntu2
    until_true ping_from ubuntu2 ubuntu1
}

down() {
    local name
    for name in "${!ADDRESS[@]}"; do
        docker rm --force --volumes "$name" >/dev/null 2>&1 &
    done
    wait
    docker network rm "$NETWORK" >/dev/null 2>&1 || true
}

case ${1:-} in
    up)
        started=$EPOCHREALTIME
        up
        awk "BEGIN { printf \"%.1f\\n\", $EPOCHREALTIME - $started }"
        ;;
    down) down ;;
    *)
        sed -n '3,7s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
