/// What happens at a node, for whoever wants to follow it: role, leader, term, members, snapshots,
/// stalls, health, and how far is applied. A stream of events for each subscriber, of bounded
/// length: who is slow is told how many it missed, and holds up nobody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mainstay/core/configuration.hpp"
#include "mainstay/core/ready.hpp"
#include "mainstay/core/snapshot.hpp"
#include "mainstay/node/status.hpp"

namespace mainstay {

/// Role, term or leader are others than before.
struct leadership_changed {
  core::leadership now;
  friend bool operator==(const leadership_changed&, const leadership_changed&) = default;
};
/// Another configuration is in force: from the moment its entry is in the log, or taken back.
struct members_changed {
  log_index index;  ///< of its entry
  core::configuration now;
  friend bool operator==(const members_changed&, const members_changed&) = default;
};
/// This node has a newer snapshot.
struct snapshot_taken {
  core::snapshot_id image;
  bool from_leader = false;  ///< received; else saved here
  friend bool operator==(const snapshot_taken&, const snapshot_taken&) = default;
};
/// The disk did not answer for so long that this node gave up leadership.
struct disk_stalled {
  duration silence{};
  friend bool operator==(const disk_stalled&, const disk_stalled&) = default;
};
/// The worst that holds is another than before.
struct health_changed {
  node_health now = node_health::sound;
  std::string problem;  ///< a sentence; empty when sound
  friend bool operator==(const health_changed&, const health_changed&) = default;
};
/// Everything up to an index is applied. Where several come before they are taken, the last stands
/// for all of them.
struct applied_up_to {
  log_index index;
  friend bool operator==(const applied_up_to&, const applied_up_to&) = default;
};
/// In the place of events that were not taken in time.
struct events_missed {
  std::uint64_t count = 0;
  friend bool operator==(const events_missed&, const events_missed&) = default;
};

/// One event.
using node_event = std::variant<leadership_changed, members_changed, snapshot_taken, disk_stalled,
                                health_changed, applied_up_to, events_missed>;

/// The kind, as it stands in logs: "leadership_changed".
std::string_view name_of(const node_event& event);

class event_stream;

/// How a subscriber wants its events.
struct event_options {
  std::size_t capacity = 1024;  ///< events that wait to be taken; at least 1
  bool applied = true;          ///< `applied_up_to` among them
  /// Called when events wait where none did; on the loop, and must not block. May be empty.
  std::function<void(event_stream&)> on_events;
};

/// One subscriber's events, in order. Any thread takes them. Once it is destroyed, nothing is kept
/// for it any more.
class event_stream {
 public:
  explicit event_stream(event_options options) : options_(std::move(options)) {}
  event_stream(const event_stream&) = delete;
  event_stream& operator=(const event_stream&) = delete;

  /// What has happened since the last time; empty when nothing has.
  std::vector<node_event> take();
  /// The node's side: adds an event, or counts it as missed. The loop only.
  void put(const node_event& event);

 private:
  bool add(const node_event& event);

  event_options options_;
  std::mutex mutex_;
  std::deque<node_event> waiting_;  ///< guarded by mutex_
  std::uint64_t missed_ = 0;        ///< guarded by mutex_; since the last in waiting_
};

namespace detail {

/// All subscribers of a node; the loop only.
class event_feed {
 public:
  void add(std::weak_ptr<event_stream> subscriber) { streams_.push_back(std::move(subscriber)); }
  void publish(const node_event& event);

 private:
  std::vector<std::weak_ptr<event_stream>> streams_;
};

}  // namespace detail
}  // namespace mainstay
