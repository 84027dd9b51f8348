/// One core on its own, node 1, whose peers are played by the test message by message, and whose
/// every step the naive twin judges. For rules that speak of a single server; whole stories use
/// `cluster`.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/simulation/observed_core.hpp"
#include "mainstay/simulation/twin.hpp"

#include "tests/core/cluster.hpp"
#include "tests/core/simulated_disk.hpp"

namespace mainstay::core_test {

/// What a lone replica finds on its disk, and how it is set up.
struct beginning {
  std::size_t voters = 3;
  core::config settings{};
  std::vector<std::uint64_t> terms{};  ///< of the entries in its log
  core::configuration members{};       ///< instead of so many voters, where it has any
  core::hard_state state{};            ///< raised to the last entry's term where it is below
};

/// Entries with the given terms from index `first` on; payloads are empty.
std::vector<core::entry> entries_of(std::uint64_t first, const std::vector<std::uint64_t>& terms);

/// Node 1. Whatever it wants done is done at once, unless the disk is held.
class lone_replica {
 public:
  explicit lone_replica(beginning b = {});

  /// Steps a message from a peer; gives the messages that leave, in order.
  std::vector<core::envelope> receive(std::uint64_t from, core::message m, std::uint64_t call = 7);
  std::vector<core::envelope> pass(duration span);
  /// Brings the clock to the election alarm.
  std::vector<core::envelope> time_out();
  std::vector<core::envelope> propose(std::string_view payload);
  /// Finishes the disk's batch.
  std::vector<core::envelope> persist();
  /// What leaves without any input.
  std::vector<core::envelope> turn() { return carry_out(); }
  /// Wins an election in the next term with the votes of all peers; its no-op is on its disk.
  void lead();

  /// The one answer of this kind to a request. Throws when there is none or another.
  template <class Response>
  Response ask(std::uint64_t from, core::message m) {
    return only<Response>(receive(from, std::move(m)));
  }
  /// The only message of this kind among those that left. Throws when there is none or another.
  template <class Message>
  static Message only(const std::vector<core::envelope>& sent) {
    const auto found = all<Message>(sent);
    if (found.size() != 1) throw std::logic_error("not one message of the kind");
    return found.front();
  }
  /// All messages of this kind among those that left.
  template <class Message>
  static std::vector<Message> all(const std::vector<core::envelope>& sent) {
    std::vector<Message> found;
    for (const auto& e : sent) {
      if (const auto* m = std::get_if<Message>(&e.message)) found.push_back(*m);
    }
    return found;
  }

  simulation::observed_core& core() { return core_; }
  simulated_disk& disk() { return disk_; }
  void hold_disk(bool held = true) { disk_is_held_ = held; }
  /// The terms of its log.
  std::vector<std::uint64_t> terms() const;
  /// The indexes that it was told to apply, in order.
  const std::vector<std::uint64_t>& applied() const { return applied_; }
  const std::vector<core::read_grant>& granted() const { return granted_; }
  const std::vector<core::read_failure>& failed() const { return failed_; }
  const std::vector<core::log_read_request>& log_reads() const { return log_reads_; }
  /// Chunks that storage has and has not answered; `answer_chunk` takes the oldest.
  const std::vector<core::snapshot_chunk>& chunks() const { return chunks_; }
  /// The pieces of images that it has asked its storage for.
  const std::vector<core::snapshot_read_request>& snapshot_reads() const { return snapshot_reads_; }
  /// Tells it that its state up to `index`, which it has applied, is saved as an image of this
  /// size.
  std::vector<core::envelope> save(std::uint64_t index, std::uint64_t size = 20'000);
  /// Storage answers the newest read of an image, with as much as was asked for.
  std::vector<core::envelope> read_image();
  std::vector<core::envelope> answer_chunk(std::optional<std::uint64_t> next_offset, bool is_whole);
  /// The image that storage is to install, if any.
  const std::optional<core::snapshot_id>& install() const { return install_; }
  std::vector<core::envelope> finish_install(bool succeeds = true);
  /// The snapshot that the state machine is to take, if any.
  const std::optional<core::snapshot>& restore() const { return restore_; }
  std::vector<core::envelope> finish_restore();

 private:
  static core::raft start(const beginning& b, simulated_disk& disk);
  std::vector<core::envelope> carry_out();

  simulated_disk disk_;
  simulation::twin twin_;
  simulation::observed_core core_;
  instant clock_{};
  bool disk_is_held_ = false;
  std::vector<std::uint64_t> applied_;
  std::vector<core::read_grant> granted_;
  std::vector<core::read_failure> failed_;
  std::vector<core::log_read_request> log_reads_;
  std::vector<core::snapshot_chunk> chunks_;
  std::vector<core::snapshot_read_request> snapshot_reads_;
  std::optional<core::snapshot_id> install_;
  std::optional<core::snapshot> restore_;
};

}  // namespace mainstay::core_test
