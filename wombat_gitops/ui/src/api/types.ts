import type { components } from './schema'

type Schemas = components['schemas']

export type Artifact = Schemas['ArtifactView']
export type Attempt = Schemas['AttemptView']
export type Build = Schemas['BuildView']
export type BuildList = Schemas['BuildPageView']
export type Contents = Schemas['ContentsView']
export type Condition = Schemas['ConditionView']
export type Distribution = Schemas['DistributionView']
export type DistributionList = Schemas['DistributionPage']
export type DistributionSummary = Schemas['DistributionSummary']
export type Failure = Schemas['FailureView']
export type PlatformState = Schemas['PlatformView']
export type Problem = Schemas['Problem']
export type ServiceStatus = Schemas['StatusView']
export type Source = Schemas['SourceView']
export type Step = Schemas['StepView']
