/// What the key-value machine answers: typed values in a compact form that belongs to no client
/// protocol (docs/formats/key_value.md). Servers turn them into RESP or JSON.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "mainstay/base/shared_bytes.hpp"

namespace mainstay::keyspace {

/// The kinds of value; the numbers are those of the format.
enum class answer_kind : std::uint8_t {
  ok = 0,       ///< done; as a whole answer it is no bytes at all
  nil = 1,      ///< there is none
  integer = 2,  ///< a signed 64-bit number
  bytes = 3,    ///< any bytes
  status = 4,   ///< a short word, such as a type's name
  array = 5,    ///< `count` values follow
  failure = 6,  ///< an error's text, its first word a code, as in "ERR no such thing"
};

/// One value of an answer. `bytes`, `status` and `failure` have their text, a view of the answer.
struct answer_value {
  answer_kind kind = answer_kind::ok;
  std::int64_t integer = 0;
  std::size_t count = 0;
  std::string_view text;
};

/// Reads an answer value by value; after an array of n, its n values follow. The answer comes from
/// a machine of the same build or from another node: anything malformed reads as a failure.
class answer_reader {
 public:
  explicit answer_reader(std::string_view encoded) : rest_(encoded), whole_(true) {}

  /// The next value. At the end of the bytes: `ok` for a wholly empty answer, else a failure.
  answer_value next();
  /// True when there is nothing left to read.
  bool at_end() const { return rest_.empty() && !whole_; }

 private:
  answer_value cut_off();

  std::string_view rest_;
  bool whole_;  ///< nothing has been read yet
};

/// Encodes answers. The frequent ones do not allocate: `ok` is the empty answer, `nil`, 0 and 1 are
/// shared, and short bytes are slices of an arena's block. For one thread at a time.
class answer_writer {
 public:
  answer_writer();

  shared_bytes ok() const { return {}; }
  shared_bytes nil() const { return nil_; }
  shared_bytes integer(std::int64_t number);
  shared_bytes bytes(std::string_view text) { return text_value(answer_kind::bytes, text); }
  shared_bytes status(std::string_view text) { return text_value(answer_kind::status, text); }
  shared_bytes failure(std::string_view text) { return text_value(answer_kind::failure, text); }

  /// Adds an element to the array in the making.
  void add_nil();
  void add_bytes(std::string_view text);
  void add_integer(std::int64_t number);
  /// Adds an element that is an array itself: the next `count` elements belong to it.
  void add_array(std::size_t count);
  /// Bytes of blocks with answers that somebody still holds.
  std::size_t outstanding() const { return meter_->load(std::memory_order_relaxed); }
  /// Bytes of the array so far.
  std::size_t array_size() const { return elements_.size(); }
  /// The array of the elements added since the last one was finished.
  shared_bytes finish_array();
  /// An array of two: `first`, and the array of the elements added.
  shared_bytes finish_array_after(std::string_view first);
  /// Forgets the elements added.
  void drop_array();

 private:
  shared_bytes text_value(answer_kind kind, std::string_view text);
  shared_bytes finish_with(const std::string& head);
  void count_element();

  byte_meter meter_ = std::make_shared<std::atomic<std::size_t>>(0);
  byte_arena arena_{64 << 10, meter_};
  std::string elements_;
  std::size_t element_count_ = 0;
  std::size_t within_ = 0;  ///< elements to come that belong to arrays within the array
  shared_bytes nil_;
  shared_bytes zero_;
  shared_bytes one_;
};

}  // namespace mainstay::keyspace
