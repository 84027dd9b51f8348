#include "mainstay/machines/key_value/answer.hpp"

#include <algorithm>

#include "mainstay/machines/key_value/varint.hpp"

namespace mainstay::keyspace {

namespace {

constexpr std::size_t integer_size = 9;
/// Room that grew over this for one large array is given back.
constexpr std::size_t kept_capacity = 1 << 20;

void append_array(std::string& out, std::size_t count) {
  out.push_back(static_cast<char>(answer_kind::array));
  append_varint(out, count);
}

void append_text(std::string& out, std::string_view text) {
  out.push_back(static_cast<char>(answer_kind::bytes));
  append_varint(out, text.size());
  out.append(text);
}

shared_bytes encoded_integer(byte_arena& arena, std::int64_t number) {
  char* at = reinterpret_cast<char*>(arena.reserve(integer_size).data());
  *at++ = static_cast<char>(answer_kind::integer);
  put_number(at, static_cast<std::uint64_t>(number), 8);
  return arena.commit(integer_size);
}

/// `nil`, 0 and 1 live as long as the writer; a block of their own keeps the arena's free to go.
shared_bytes constant_integer(std::int64_t number) {
  byte_arena arena(integer_size);
  return encoded_integer(arena, number);
}

}  // namespace

answer_value answer_reader::cut_off() {
  rest_ = {};
  return {answer_kind::failure, 0, 0, "ERR malformed answer of the state machine"};
}

answer_value answer_reader::next() {
  if (rest_.empty()) {
    const bool empty_answer = std::exchange(whole_, false);
    return empty_answer ? answer_value{} : cut_off();
  }
  whole_ = false;
  const auto kind = static_cast<answer_kind>(rest_.front());
  rest_.remove_prefix(1);
  answer_value value;
  value.kind = kind;
  switch (kind) {
    case answer_kind::ok:
    case answer_kind::nil:
      return value;
    case answer_kind::integer:
      if (rest_.size() < 8) return cut_off();
      value.integer = static_cast<std::int64_t>(load_number(rest_));
      rest_.remove_prefix(8);
      return value;
    case answer_kind::bytes:
    case answer_kind::status:
    case answer_kind::array:
    case answer_kind::failure:
      break;
    default:
      return cut_off();
  }
  // Every element takes at least one byte, so a count beyond what is left is a lie.
  const auto length = take_varint(rest_);
  if (!length || *length > rest_.size()) return cut_off();
  if (kind == answer_kind::array) {
    value.count = *length;
  } else {
    value.text = rest_.substr(0, *length);
    rest_.remove_prefix(*length);
  }
  return value;
}

answer_writer::answer_writer()
    : nil_(shared_bytes::copy_of(std::string_view("\x01", 1))),
      zero_(constant_integer(0)),
      one_(constant_integer(1)) {}

shared_bytes answer_writer::integer(std::int64_t number) {
  if (number == 0) return zero_;
  if (number == 1) return one_;
  return encoded_integer(arena_, number);
}

shared_bytes answer_writer::text_value(answer_kind kind, std::string_view text) {
  const std::size_t size = 1 + varint_size(text.size()) + text.size();
  char* at = reinterpret_cast<char*>(arena_.reserve(size).data());
  *at++ = static_cast<char>(kind);
  at = put_varint(at, text.size());
  std::ranges::copy(text, at);
  return arena_.commit(size);
}

void answer_writer::count_element() {
  if (within_ > 0) {
    --within_;
  } else {
    ++element_count_;
  }
}

void answer_writer::add_nil() {
  elements_.push_back(static_cast<char>(answer_kind::nil));
  count_element();
}

void answer_writer::add_bytes(std::string_view text) {
  append_text(elements_, text);
  count_element();
}

void answer_writer::add_integer(std::int64_t number) {
  elements_.push_back(static_cast<char>(answer_kind::integer));
  char bytes[integer_size - 1];
  put_number(bytes, static_cast<std::uint64_t>(number), sizeof bytes);
  elements_.append(bytes, sizeof bytes);
  count_element();
}

void answer_writer::add_array(std::size_t count) {
  append_array(elements_, count);
  count_element();
  within_ += count;
}

shared_bytes answer_writer::finish_array() {
  std::string head;
  append_array(head, element_count_);
  return finish_with(head);
}

shared_bytes answer_writer::finish_array_after(std::string_view first) {
  std::string head;
  append_array(head, 2);
  append_text(head, first);
  append_array(head, element_count_);
  return finish_with(head);
}

shared_bytes answer_writer::finish_with(const std::string& head) {
  const std::size_t size = head.size() + elements_.size();
  char* at = reinterpret_cast<char*>(arena_.reserve(size).data());
  at = std::ranges::copy(head, at).out;
  std::ranges::copy(elements_, at);
  drop_array();
  return arena_.commit(size);
}

void answer_writer::drop_array() {
  elements_.clear();
  element_count_ = 0;
  within_ = 0;
  if (elements_.capacity() > kept_capacity) elements_.shrink_to_fit();
}

}  // namespace mainstay::keyspace
