//! Lists in brackets and tables in braces.

use super::{EventData, Parsed, Parser, Properties, State, empty_scalar, event};
use crate::{error::ReadError, token::Data};

impl<'a> Parser<'a> {
    pub(super) fn flow_sequence_entry(&mut self, is_first: bool) -> Parsed<'a> {
        self.open(is_first)?;
        if self.peek()?.data != Data::FlowSequenceEnd {
            self.flow_comma(is_first, "did not find expected ',' or ']'")?;
            let token = self.peek()?;
            let start = token.start;
            match token.data {
                Data::Key => {
                    self.take()?;
                    self.state = State::FlowSequenceEntryMappingKey;
                    return Ok(event(EventData::MappingStart(Properties::default()), start));
                }
                Data::FlowSequenceEnd => {}
                _ => {
                    self.states.push(State::FlowSequenceEntry);
                    return self.node(false, false);
                }
            }
        }
        let start = self.peek()?.start;
        self.close(EventData::SequenceEnd, start)
    }

    pub(super) fn flow_sequence_entry_mapping_key(&mut self) -> Parsed<'a> {
        let token = self.peek()?;
        let end = token.end;
        match token.data {
            Data::Value | Data::FlowEntry | Data::FlowSequenceEnd => {
                // Go takes the token here, whatever it is.
                self.take()?;
                self.state = State::FlowSequenceEntryMappingValue;
                Ok(empty_scalar(end))
            }
            _ => {
                self.states.push(State::FlowSequenceEntryMappingValue);
                self.node(false, false)
            }
        }
    }

    pub(super) fn flow_sequence_entry_mapping_value(&mut self) -> Parsed<'a> {
        if self.peek()?.data == Data::Value {
            self.take()?;
            if !matches!(self.peek()?.data, Data::FlowEntry | Data::FlowSequenceEnd) {
                self.states.push(State::FlowSequenceEntryMappingEnd);
                return self.node(false, false);
            }
        }
        self.state = State::FlowSequenceEntryMappingEnd;
        Ok(empty_scalar(self.peek()?.start))
    }

    pub(super) fn flow_mapping_key(&mut self, is_first: bool) -> Parsed<'a> {
        self.open(is_first)?;
        if self.peek()?.data != Data::FlowMappingEnd {
            self.flow_comma(is_first, "did not find expected ',' or '}'")?;
            match self.peek()?.data {
                Data::Key => {
                    self.take()?;
                    let token = self.peek()?;
                    let start = token.start;
                    if matches!(token.data, Data::Value | Data::FlowEntry | Data::FlowMappingEnd) {
                        self.state = State::FlowMappingValue;
                        return Ok(empty_scalar(start));
                    }
                    self.states.push(State::FlowMappingValue);
                    return self.node(false, false);
                }
                Data::FlowMappingEnd => {}
                _ => {
                    self.states.push(State::FlowMappingEmptyValue);
                    return self.node(false, false);
                }
            }
        }
        let start = self.peek()?.start;
        self.close(EventData::MappingEnd, start)
    }

    pub(super) fn flow_mapping_value(&mut self, is_empty: bool) -> Parsed<'a> {
        if !is_empty && self.peek()?.data == Data::Value {
            self.take()?;
            if !matches!(self.peek()?.data, Data::FlowEntry | Data::FlowMappingEnd) {
                self.states.push(State::FlowMappingKey);
                return self.node(false, false);
            }
        }
        self.state = State::FlowMappingKey;
        Ok(empty_scalar(self.peek()?.start))
    }

    /// Takes the comma that must stand between the entries of a flow collection.
    fn flow_comma(&mut self, is_first: bool, problem: &'static str) -> Result<(), ReadError> {
        if is_first {
            return Ok(());
        }
        let token = self.peek()?;
        if token.data != Data::FlowEntry {
            let start = token.start;
            return Err(self.fail_in_collection(problem, start));
        }
        self.take()?;
        Ok(())
    }
}
