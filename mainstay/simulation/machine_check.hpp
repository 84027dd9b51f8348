/// The test kit for state machines: given a machine and a source of commands, it holds the machine
/// to what the library asks of it (state_machine.hpp), alone and then on whole nodes under every
/// fault of the swarm. What it finds names the property, the seed and the command. docs/testing.md
/// shows how little it takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mainstay/base/random.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/simulation/schedule.hpp"
#include "mainstay/simulation/tested_machine.hpp"

namespace mainstay::simulation {

/// What the kit has to know of a machine beside the machine. `command` alone is needed.
struct machine_subject {
  /// Draws a command. It should draw refused and malformed ones now and then, too.
  std::function<shared_bytes(random_generator&)> command;
  /// Draws a query; empty: nobody reads.
  std::function<shared_bytes(random_generator&)> query;
  /// What a client takes from an answer: the text that has to be explained. Leave out what depends
  /// on log time. Empty: all of the answer.
  std::function<std::string(const shared_bytes&)> read;
  /// The sequential model: what the machine does and answers (as `read` gives it) when commands
  /// come one at a time, on a state of the model's own, which is empty at first. `changes` tells
  /// commands from queries. Empty: the machine itself, run alone, at log time zero.
  std::function<std::string(std::string& state, const shared_bytes& asked, bool changes)> model;
  /// Answers depend on log time in a way that `read` cannot leave out, so that no history is
  /// judged; all else is.
  bool is_timed = false;
};

/// How much is tried.
struct machine_check_options {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 20;
  std::size_t commands = 48;                  ///< of a seed, for the machine alone
  std::size_t operations = 150;               ///< of clients of a cluster, at most, for a seed
  duration length = std::chrono::seconds(8);  ///< of the phase with faults, in virtual time
  std::uint64_t least_faults = 200;           ///< for 60 s; in proportion for other lengths
  std::uint64_t most_faults = 500;
  std::vector<fault_kind> kinds;  ///< of faults; empty: all
};

/// What a machine does wrong.
struct machine_problem {
  std::string property;     ///< "determinism"
  std::uint64_t seed = 0;   ///< with which it shows again
  std::size_t command = 0;  ///< the number of the command, or operation, that shows it; from 1 on
  std::string text;         ///< a sentence
};

/// What came of a check.
struct machine_report {
  std::optional<machine_problem> found;  ///< the first problem; the check ends with it
  std::uint64_t commands = 0;            ///< that machines have carried out alone
  std::uint64_t operations = 0;          ///< that clients of clusters were answered
  std::uint64_t snapshots = 0;           ///< taken, by machines alone
  std::uint64_t faults = 0;              ///< that struck somebody
  std::uint64_t undecided = 0;           ///< seeds whose history took too long to explain

  bool is_sound() const { return !found; }
  /// "determinism does not hold: seed 3, command 17: …", or what was tried.
  std::string text() const;
};

namespace detail {

/// Makes a machine in its first state.
using machine_maker = std::function<tested_machine()>;
/// The whole check.
machine_report check_tested_machine(const machine_maker& make, const machine_subject& subject,
                                    const machine_check_options& options);

}  // namespace detail

/// Holds the machines that `make()` gives to their contract, seed by seed:
///
/// - *determinism*: two machines answer the same commands alike, and have the same image after
/// each;
/// - *queries*: a query changes nothing;
/// - *batches*: many commands at once give what they give one by one, however they are cut;
/// - *snapshots*: at every point, an image restores to the same image, whatever was there before
/// and
///   in whatever pieces it comes; the machine then goes on as the one that was saved; a state that
///   was frozen is the same later; an image that is refused changes nothing;
/// - *time*: what expires does not expire for ever;
/// - *replicas*: in a cluster under faults all replicas have the same answers and states;
/// - *linearizability*: what clients of that cluster were answered is what the model would answer,
///   in an order that keeps to real time.
///
/// Runs on the caller's thread, in virtual time; the same arguments give the same report.
template <class Maker>
machine_report check_machine(Maker make, const machine_subject& subject,
                             const machine_check_options& options = {}) {
  return detail::check_tested_machine([make = std::move(make)] { return tested_machine(make()); },
                                      subject, options);
}

}  // namespace mainstay::simulation
