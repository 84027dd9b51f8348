/// The one list of settings: name, unit, default and meaning, for flags and file alike.
#pragma once

#include <array>
#include <string_view>

namespace mainstay::server {

/// A setting as `--help` shows it.
struct setting_description {
  std::string_view name;
  std::string_view value;  ///< the kind of its value; "BOOL" for those that are flags
  std::string_view help;
};

/// Every setting there is.
inline constexpr std::array setting_table{
    setting_description{"id", "N", "this node's id, one of those in --cluster"},
    setting_description{"data", "DIR", "where the log lives; made when missing"},
    setting_description{"persistence", "wal|rocksdb|memory",
                        "what keeps the log: files of its own, a RocksDB database, or nothing "
                        "beyond this process (default wal)"},
    setting_description{"cluster", "LIST",
                        "all nodes: 1=HOST:PORT,2=HOST:PORT,…; the same on every node"},
    setting_description{"cluster-id", "N",
                        "the cluster's identity; derived from --cluster when not given"},
    setting_description{"join", "LIST",
                        "in place of --cluster: admin ports of a cluster, HOST:PORT,…, that takes "
                        "this new node in; restarts may keep it"},
    setting_description{"address", "HOST:PORT",
                        "where other nodes reach this one (default: as in --cluster)"},
    setting_description{"learner", "BOOL",
                        "this node is new: --cluster names it beside the voters that it joins; "
                        "with --join, it stays a learner"},
    setting_description{"join-token", "TEXT",
                        "what new members have to name, here and with --join (default: nothing)"},
    setting_description{"resp", "HOST:PORT", "where clients are served (default 127.0.0.1:6401)"},
    setting_description{"http", "HOST:PORT",
                        "where status and metrics are served (default 127.0.0.1:8101)"},
    setting_description{"insecure", "BOOL", "allow unencrypted traffic beyond loopback"},
    setting_description{"election-timeout-min", "MS",
                        "without word from a leader for a random time from here… (default 150)"},
    setting_description{"election-timeout-max", "MS",
                        "…up to here, a node stands for election (default 300)"},
    setting_description{"heartbeat-interval", "MS",
                        "an idle leader speaks this often (default 50)"},
    setting_description{"lease-reads", "BOOL",
                        "let clients read on the leader's lease; the same on every node"},
    setting_description{"max-clock-drift", "PPM",
                        "millionths that clocks may differ by, for leases (default 10000)"},
    setting_description{
        "segment-bytes", "BYTES",
        "size of a file of the log, with wal; a multiple of 4096 (default 67108864)"},
    setting_description{"log-window-bytes", "BYTES",
                        "newest entries kept in memory (default 16777216)"},
    setting_description{"snapshot-entries", "N",
                        "save a snapshot after so many; 0: however many (default 1000000)"},
    setting_description{"snapshot-bytes", "BYTES",
                        "…or after so much of the log; 0: however much (default 268435456)"},
    setting_description{"snapshot-save-rate", "BYTES",
                        "write at most so much of one a second; 0: no limit (default 134217728)"},
    setting_description{"snapshot-rate", "BYTES",
                        "send a follower at most so much of one a second; 0: no limit (default 0)"},
    setting_description{"compaction-tail-bytes", "BYTES",
                        "kept of the log behind a snapshot, for slow followers (default 8388608)"},
    setting_description{"serializer", "binary|json|cbor|protobuf",
                        "form of the messages between nodes, the same on all (default binary)"},
    setting_description{"apply-thread", "loop|own",
                        "where commands are applied (default loop, without a hand-over)"},
    setting_description{"request-timeout", "MS",
                        "a command is answered by then, as unknown if need be (default 5000)"},
    setting_description{"idle-timeout", "MS",
                        "clients silent for this long are closed; 0: never (default 0)"},
    setting_description{"max-connections", "N", "clients at a time (default 10000)"},
    setting_description{"max-key-bytes", "BYTES", "longest key (default 65536)"},
    setting_description{"max-value-bytes", "BYTES", "longest value (default 2097152)"},
    setting_description{"max-command-bytes", "BYTES", "longest command (default 4194304)"},
    setting_description{"max-arguments", "N", "arguments of one command (default 65536)"},
    setting_description{"max-pipeline-bytes", "BYTES",
                        "unanswered commands of one client (default 4194304)"},
    setting_description{"max-output-bytes", "BYTES",
                        "replies that one client has not taken (default 268435456)"},
    setting_description{"session-time", "MS",
                        "a session that is not used for so long ends (default 3600000)"},
    setting_description{"session-window", "N", "serials that a session remembers (default 256)"},
    setting_description{"session-answer-bytes", "BYTES",
                        "answers that a session remembers (default 65536)"},
    setting_description{"max-sessions", "N",
                        "sessions of the cluster; the least recently used ends (default 4096)"},
    setting_description{"logger", "spdlog|boost_log|log4cpp|none",
                        "library that writes the log, to standard error (default spdlog)"},
    setting_description{"log-level", "LEVEL",
                        "trace, debug, info, warning, error or critical, and others for some "
                        "components: info,tcp=debug (default info)"},
    setting_description{"log-format", "text|json", "how log lines look (default text)"},
};

}  // namespace mainstay::server
