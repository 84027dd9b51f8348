/// Replies to RESP2 and RESP3 clients, appended to an output buffer. Pure code, without sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/machines/key_value/answer.hpp"

namespace mainstay::resp {

/// The protocol that a client chose by HELLO.
enum class protocol : std::uint8_t { resp2 = 2, resp3 = 3 };

/// Appends replies to `out`, which must outlive it.
class reply_writer {
 public:
  reply_writer(std::string& out, protocol p) : out_(out), protocol_(p) {}

  void ok() { out_ += "+OK\r\n"; }
  /// A short text without line breaks; they become blanks.
  void simple(std::string_view text);
  /// An error; its first word is its code. Line breaks become blanks.
  void error(std::string_view text);
  void integer(std::int64_t number);
  void bulk(std::string_view bytes);
  void null();
  /// The head of an array; its elements follow.
  void array(std::size_t count);
  /// The head of a map; key, value, key, value follow. In RESP2 it is an array of twice the count.
  void map(std::size_t count);

  /// An answer of the machine.
  void answer(std::string_view encoded);
  /// Why there is no answer: `UNKNOWN` when the command may have been carried out or may yet be,
  /// `UNAVAILABLE` when it surely was not and will not be, `ERR` when it breaks a rule.
  void failure(const mainstay::error& e);

 private:
  void line(char type, std::string_view text);
  void number(char type, std::int64_t value);
  void value(const keyspace::answer_value& v);

  std::string& out_;
  protocol protocol_;
};

}  // namespace mainstay::resp
