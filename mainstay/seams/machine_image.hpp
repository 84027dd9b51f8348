/// Images of small state machines: a kind, a version, and then numbers and texts in a row, as in
/// fields.hpp, in pieces of bounded size. It brings no checksums: whoever keeps snapshots has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/base/fields.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay {

/// Writes one image. After a failure it does nothing more, and `finish` tells.
class image_writer {
 public:
  /// `kind` tells whose image it is, and `version` in which form.
  image_writer(const snapshot_writer& writer, std::string_view kind, std::uint64_t version)
      : writer_(writer) {
    text(kind);
    number(version);
  }

  void number(std::uint64_t value) {
    piece_.number(value);
    hand_over(piece_limit);
  }
  void text(std::string_view value) {
    piece_.text(value);
    hand_over(piece_limit);
  }
  /// Hands the rest over. Errors: those of the writer.
  result<void> finish() {
    hand_over(1);
    return outcome_;
  }

 private:
  static constexpr std::size_t piece_limit = 64 * 1024;

  void hand_over(std::size_t at_least) {
    if (piece_.view().size() < at_least) return;
    if (outcome_) outcome_ = writer_(std::as_bytes(std::span(piece_.view())));
    piece_.clear();
  }

  const snapshot_writer& writer_;
  field_writer piece_;
  result<void> outcome_;
};

/// Reads one image and not a byte more, so that others may follow. Any input is allowed: after the
/// first failure numbers read as zero and texts as empty, and `outcome` tells what it was.
class image_reader {
 public:
  /// Errors, which `outcome` gives: those of the reader; `malformed` for an image of another kind;
  /// `unsupported` for a version that is not 1 to `newest`.
  image_reader(const snapshot_reader& reader, std::string_view kind, std::uint64_t newest);

  std::uint64_t version() const { return version_; }
  std::uint64_t number() { return field_reader(take(8)).number(); }
  /// Memory grows only as far as bytes really arrive. Errors: `malformed` for a longer one.
  std::string text(std::size_t longest);
  /// Notes that what was read cannot be.
  void refuse(std::string why);
  /// What became of all reads so far.
  const result<void>& outcome() const { return outcome_; }
  bool is_sound() const { return outcome_.has_value(); }

 private:
  std::string take(std::size_t size);

  const snapshot_reader& reader_;
  result<void> outcome_;
  std::uint64_t version_ = 0;
};

}  // namespace mainstay
