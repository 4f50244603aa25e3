//! The schema sets and the API set, compiled from their texts, and the tenants' links with them.

use crate::config::Documents;
use crate::domain::identifiers::TenantName;
use crate::xceed::link::{Link, Settings as LinkSettings, Version, collisions};
use crate::xceed::mapping::Mapping;
use crate::xceed::operations::ApiSet;
use crate::xceed::schema::SchemaSet;
use crate::xceed::soap_client::Links;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The schema sets and the API set, compiled.
#[derive(Clone, Debug)]
pub struct Sets {
    /// Schema sets by version.
    pub versions: BTreeMap<String, Arc<Version>>,
    /// The messages.
    pub api: Arc<ApiSet>,
}

impl Sets {
    /// Compiles the sets.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn compile(documents: &Documents) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let mut versions = BTreeMap::new();
        for (version, texts) in &documents.versions {
            match compile_version(version, &texts.mapping, texts.schemas.clone()) {
                Ok(compiled) => {
                    versions.insert(version.clone(), Arc::new(compiled));
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
        let api = ApiSet::compile(&documents.operations);
        match api {
            Ok(api) if errors.is_empty() => Ok(Self { versions, api: Arc::new(api) }),
            Ok(_) => Err(errors),
            Err(wrong) => {
                errors.extend(wrong.into_iter().map(|error| format!("api/operations.toml: {error}")));
                Err(errors)
            }
        }
    }

    /// The link of every tenant; one that was there before and is the same stays, with its connections.
    ///
    /// # Errors
    /// A tenant names a schema set that is not there, or two tenants' messages could be taken for each other's.
    pub fn links(
        &self,
        tenants: &[(TenantName, LinkSettings)],
        promoted_keys: &[(TenantName, String)],
        before: Option<&Links>,
    ) -> Result<Links, Vec<String>> {
        let settings: Vec<_> = tenants.iter().map(|(name, link)| (name, link)).collect();
        let mut errors = collisions(&settings);
        let mut links = Links::new();
        for (name, link) in tenants {
            let Some(version) = self.versions.get(&link.schema) else {
                let there: Vec<_> = self.versions.keys().map(String::as_str).collect();
                errors.push(format!(
                    "tenants.{name}.xceed.schema: there is no such set; there are {}",
                    there.join(", ")
                ));
                continue;
            };
            let promoted =
                promoted_keys.iter().find(|(tenant, _)| tenant == name).map(|(_, key)| key.as_str());
            let link = Arc::new(Link::new(link.clone(), version.clone(), self.api.clone(), promoted));
            let same = before.and_then(|links| links.get(name)).filter(|before| before.is_like(&link));
            links.insert(name.clone(), same.cloned().unwrap_or(link));
        }
        if errors.is_empty() { Ok(links) } else { Err(errors) }
    }
}

fn compile_version(
    version: &str,
    mapping: &str,
    schemas: BTreeMap<String, Vec<u8>>,
) -> Result<Version, Vec<String>> {
    let set = SchemaSet::load(version, schemas)?;
    let mapping = Mapping::compile(mapping, &set).map_err(|errors| {
        errors.into_iter().map(|error| format!("{version}/mapping.toml: {error}")).collect::<Vec<_>>()
    })?;
    Ok(Version { set, mapping })
}
